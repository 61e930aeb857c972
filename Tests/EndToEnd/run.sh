#!/bin/sh
# Runs the end-to-end tests against the programs in $PILOTLIGHT_BIN (default: .build/debug). Arguments go to pytest.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PILOTLIGHT_BIN=${PILOTLIGHT_BIN:-$root/.build/debug}
export PILOTLIGHT_BIN PYTHONDONTWRITEBYTECODE=1

for program in pilotlightd pilotlightctl; do
  if [ ! -x "$PILOTLIGHT_BIN/$program" ]; then
    echo "run.sh: no $program in $PILOTLIGHT_BIN: run 'swift build' first, or set PILOTLIGHT_BIN" >&2
    exit 1
  fi
done

# True if this Python has exactly what requirements.txt names.
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
    echo "run.sh: installing requirements.txt into $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  fi
fi

cd "$here"
# The processes mostly sleep: more of them than cores.
exec "$python" -m pytest -n "${PYTEST_WORKERS:-6}" --dist worksteal "$@"
