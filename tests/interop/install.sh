#!/bin/sh
# Installs the OpenTelemetry SDKs that tests/sdk.rs drives, and builds a Collector that tests/collector compares with:
# install.sh python|node|prometheus|collector|kubernetes|promtool [directory, default target/interop].
# The last two check what is in deploy/: the schemas of Kubernetes, and Prometheus with its promtool.
#
# Exit 0: ready. 3: the language or its package manager is missing. Anything else: the installation failed.
# A second call finds the stamp of the same pins and returns at once.
set -eu

language=${1:?usage: install.sh python|node|prometheus|collector|kubernetes|promtool [directory]}
here=$(cd "$(dirname "$0")" && pwd)
root=${2:-$here/../../target/interop}
place=$root/$language
stamp=$place/.installed

need() {
    command -v "$1" >/dev/null 2>&1 || { echo "$1 is not installed" >&2; exit 3; }
}

# Python packages: the SDK, or the parser of Prometheus' formats.
install_python() {
    need python3
    pins=$here/$language/requirements.txt
    cmp -s "$pins" "$stamp" && return
    rm -rf "$place"
    mkdir -p "$place"
    python3 -m venv "$place/venv" || { echo "python3 has no venv module" >&2; exit 3; }
    "$place/venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 60 --requirement "$pins"
    cp "$pins" "$stamp"
}

# The client is copied beside its node_modules, where require() looks for them.
install_node() {
    need node
    need npm
    pins=$here/node/package-lock.json
    if ! cmp -s "$pins" "$stamp"; then
        rm -rf "$place"
        mkdir -p "$place"
        cp "$pins" "$here/node/package.json" "$here/node/.npmrc" "$place"
        (cd "$place" && npm ci --loglevel=error --fetch-retries=1 --fetch-timeout=60000)
        cp "$pins" "$stamp"
    fi
    cp "$here/node/client.js" "$place/client.js"
}

# Takes minutes, so that no test does it by itself.
build_collector() {
    need go
    pins=$here/collector/go.mod
    cmp -s "$pins" "$stamp" && return
    mkdir -p "$place"
    (cd "$here/collector" && GOFLAGS=-mod=readonly go build -o "$place/otelcol" .)
    cp "$pins" "$stamp"
}

# Debian's package, unpacked and not installed: no service is started, and no right is needed.
install_promtool() {
    [ -x "$place/usr/bin/promtool" ] && return
    need apt-get
    need dpkg-deb
    mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
    own="-o Dir::State::Lists=$place/lists -o Dir::Cache=$place/cache -o APT::Sandbox::User=$(id -un) -o Acquire::Retries=1"
    # shellcheck disable=SC2086
    (cd "$place" && apt-get $own --quiet=2 update && apt-get $own --quiet=2 download prometheus \
        && dpkg-deb --extract prometheus_*.deb . && rm -rf prometheus_*.deb lists cache)
}

case $language in
    python | prometheus | kubernetes) install_python ;;
    promtool) install_promtool ;;
    node) install_node ;;
    collector) build_collector ;;
    *) echo "unknown language: $language" >&2; exit 2 ;;
esac
