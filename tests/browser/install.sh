#!/bin/sh
# Finds the browser that tests/browser drives, and prints its path: install.sh [--find].
#
# Without --find a missing browser is installed, which takes root on Debian or Ubuntu.
# Exit 0: its path is printed. 3: there is none, and none can be had here. Anything else: the installation failed.
set -eu

find_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return 0
    done
    return 1
}

find_browser && exit 0
[ "${1:-}" = --find ] && { echo "no Chromium is installed; tests/browser/install.sh installs it" >&2; exit 3; }
[ "$(id -u)" = 0 ] || { echo "Chromium is not installed, and installing it takes root" >&2; exit 3; }
command -v apt-get >/dev/null 2>&1 || { echo "Chromium is not installed, and there is no apt-get" >&2; exit 3; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends chromium >&2
find_browser
