# Sourced by what runs the real programs: sets PILOTLIGHT_BIN (default: .build/debug), python and here, or ends with what is missing.
# shellcheck shell=sh disable=SC2034,SC2164
here=$(cd "$(dirname "$0")" && pwd)
PILOTLIGHT_BIN=${PILOTLIGHT_BIN:-$(cd "$here/../.." && pwd)/.build/debug}
export PILOTLIGHT_BIN PYTHONDONTWRITEBYTECODE=1

for program in pilotlightd pilotlightctl; do
  if [ ! -x "$PILOTLIGHT_BIN/$program" ]; then
    echo "$(basename "$0"): no $program in $PILOTLIGHT_BIN: run 'swift build' first, or set PILOTLIGHT_BIN" >&2
    exit 1
  fi
done

python=$("$here/python.sh")
cd "$here"
