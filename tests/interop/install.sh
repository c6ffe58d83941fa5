#!/bin/sh
# Installs the OpenTelemetry SDKs and the tools that tests/sdk drives, and builds a Collector that tests/collector
# and tests/prometheus compare with: install.sh NAME [directory, default target/interop].
#
#   python node go java rust    an SDK: afterwards there is NAME/client, a program
#   prometheus                  the parser of Prometheus' formats
#   kubernetes promtool         what checks deploy/: the schemas of Kubernetes, and Prometheus with its promtool
#   grpcurl telemetrygen        tools that are Go modules: afterwards there is NAME/NAME
#   collector scraper           take minutes, so that no test does it by itself: a Collector of the core components, and
#                               one that scrapes and writes to Prometheus
#
# Exit 0: ready. 3: the language or its package manager is missing. Anything else: the installation failed.
# A second call finds the stamp of the same pins and returns at once, or leaves it to the compiler.
set -eu

name=${1:?usage: install.sh python|node|go|java|rust|prometheus|kubernetes|promtool|grpcurl|telemetrygen|collector|scraper [directory]}
here=$(cd "$(dirname "$0")" && pwd)
root=${2:-$here/../../target/interop}
place=$root/$name
stamp=$place/.installed

need() {
    command -v "$1" >/dev/null 2>&1 || { echo "$1 is not installed" >&2; exit 3; }
}

# A program that takes the place of the shell, so that its process id is the one that the test knows.
launcher() { # COMMAND, its words quoted
    printf '#!/bin/sh\nexec %s "$@"\n' "$1" > "$place/client"
    chmod +x "$place/client"
}

# Python packages: the SDK, or a parser.
install_python() {
    need python3
    pins=$here/$name/requirements.txt
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
    launcher "node '$place/client.js'"
}

# Without Maven: the list has all that the SDK depends on.
install_java() {
    need java
    need javac
    need curl
    need sha256sum
    pins=$here/java/jars.txt
    if ! cmp -s "$pins" "$stamp"; then
        rm -rf "$place"
        mkdir -p "$place/jars"
        grep -v '^#' "$pins" | while read -r sum path; do
            jar=$place/jars/${path##*/}
            curl --silent --show-error --fail --location --retry 2 --max-time 120 --output "$jar" \
                "https://repo1.maven.org/maven2/$path"
            echo "$sum  $jar" | sha256sum --check --status || { echo "$path is not what it was" >&2; exit 1; }
        done
        cp "$pins" "$stamp"
    fi
    javac -encoding UTF-8 -cp "$place/jars/*" -d "$place/classes" "$here"/java/*.java
    # The start is most of what such a short run takes.
    launcher "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -cp '$place/classes:$place/jars/*' Client"
}

build_go() { # MODULE PROGRAM
    need go
    mkdir -p "$place"
    (cd "$here/$1" && GOFLAGS=-mod=readonly go build -o "$place/$2" .)
}

# A tool of its own module, which is pinned here; the sums are those of Go's checksum database.
install_tool() { # PACKAGE@VERSION
    need go
    [ "$(cat "$stamp" 2>/dev/null)" = "$1" ] && return
    mkdir -p "$place"
    GOBIN=$place go install "$1"
    echo "$1" > "$stamp"
}

build_rust() {
    need cargo
    mkdir -p "$place"
    cargo build --locked --quiet --manifest-path "$here/rust/Cargo.toml" --target-dir "$place/target"
    launcher "'$place/target/debug/client'"
}

build_collector() { # MODULE
    pins=$here/$1/go.mod
    cmp -s "$pins" "$stamp" && return
    build_go "$1" otelcol
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

case $name in
    python)
        install_python
        launcher "'$place/venv/bin/python' '$here/python/client.py'"
        ;;
    prometheus | kubernetes) install_python ;;
    promtool) install_promtool ;;
    node) install_node ;;
    go) build_go go client ;;
    java) install_java ;;
    rust) build_rust ;;
    grpcurl) install_tool github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4 ;;
    telemetrygen) install_tool github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0 ;;
    collector | scraper) build_collector "$name" ;;
    *) echo "unknown: $name" >&2; exit 2 ;;
esac
