#!/bin/sh
# Measures what the programs in $PILOTLIGHT_BIN (default: .build/debug) add to the cloud's own time in a failover. Arguments go
# to bench_overhead.py.
set -eu
. "$(dirname "$0")/programs.sh"

exec "$python" bench_overhead.py "$@"
