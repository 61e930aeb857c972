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

python=$("$here/python.sh")
cd "$here"
# The processes mostly sleep: more of them than cores.
exec "$python" -m pytest -n "${PYTEST_WORKERS:-6}" --dist worksteal "$@"
