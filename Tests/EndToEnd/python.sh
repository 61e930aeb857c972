#!/bin/sh
# Prints the Python that has exactly what requirements.txt names; makes a virtual environment in .build/venv when this machine's
# own has not.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

has_requirements() {
  "$1" - "$here/requirements.txt" <<'EOF' 2>/dev/null
import importlib.metadata, re, sys
for line in open(sys.argv[1], encoding="ascii"):
    name, version = re.match(r"([\w-]+)(?:\[\w+\])?==(\S+)", line).groups()
    if importlib.metadata.version(name) != version:
        sys.exit(1)
EOF
}

python=python3
if ! has_requirements "$python"; then
  venv=$root/.build/venv
  python=$venv/bin/python3
  if ! has_requirements "$python"; then
    # One at a time: two at once would take each other's half away.
    mkdir -p "$root/.build"
    exec 9>"$root/.build/venv.lock"
    flock 9
    if ! has_requirements "$python"; then
      echo "installing Tests/EndToEnd/requirements.txt into $venv" >&2
      rm -rf "$venv"
      python3 -m venv "$venv"
      "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
    fi
    exec 9>&-
  fi
fi
echo "$python"
