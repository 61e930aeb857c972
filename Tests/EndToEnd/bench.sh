#!/bin/sh
# Measures what the programs in $PILOTLIGHT_BIN (default: .build/debug) add to the cloud's own time in a failover. Arguments go
# to bench_overhead.py.
set -eu
# shellcheck source=Tests/EndToEnd/programs.sh
. "$(dirname "$0")/programs.sh"

exec "$python" bench_overhead.py "$@"
