#!/bin/sh
# Runs the end-to-end tests against the programs in $PILOTLIGHT_BIN (default: .build/debug). Arguments go to pytest.
set -eu
# shellcheck source=Tests/EndToEnd/programs.sh
. "$(dirname "$0")/programs.sh"

# The processes mostly sleep: more of them than cores.
exec "$python" -m pytest -n "${PYTEST_WORKERS:-12}" --dist worksteal "$@"
