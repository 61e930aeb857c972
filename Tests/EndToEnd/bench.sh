#!/bin/sh
# Measures what the programs in $PILOTLIGHT_BIN (default: .build/debug) add to the cloud's own time in a failover. Arguments go
# to bench_overhead.py.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PILOTLIGHT_BIN=${PILOTLIGHT_BIN:-$root/.build/debug}
export PILOTLIGHT_BIN PYTHONDONTWRITEBYTECODE=1

for program in pilotlightd pilotlightctl; do
  if [ ! -x "$PILOTLIGHT_BIN/$program" ]; then
    echo "bench.sh: no $program in $PILOTLIGHT_BIN: run 'swift build' first, or set PILOTLIGHT_BIN" >&2
    exit 1
  fi
done

python=$("$here/python.sh")
cd "$here"
exec "$python" bench_overhead.py "$@"
