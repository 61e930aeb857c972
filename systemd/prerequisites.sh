#!/bin/sh
# Says what is missing to build and test, and installs it from Debian when it may.
set -eu

missing=
need() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' || missing="$missing $1"; }
for package in libcurl4-openssl-dev libssl-dev libsystemd-dev libsqlite3-dev libxml2-dev pkg-config openssl sqlite3 python3 \
  systemd gcc lintian mandoc man-db zsh fish postgresql mariadb-server-core mariadb-client; do
  need "$package"
done
# The end-to-end tests make a venv unless python3 is somebody's own build, which brings venv along.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then need python3-venv; fi

if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ]; then
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq $missing >/dev/null
  else
    echo "missing Debian packages:$missing" >&2
    echo "run: sudo apt-get install -y$missing" >&2
    exit 1
  fi
fi
if ! command -v swift >/dev/null; then
  echo "missing: Swift 6.2 or newer, https://www.swift.org/install/linux/" >&2
  exit 1
fi
