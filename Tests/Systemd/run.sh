#!/bin/bash
# Runs the tests of the service under a real systemd, with the programs in $PILOTLIGHT_BIN (default: .build/debug), which are packaged
# and installed there. Each test file has a machine of its own, JOBS of them at a time. Arguments go to pytest.
set -euo pipefail
systemd=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$systemd/../.." && pwd)

if ! why=$("$systemd/machine.sh" --possible); then
  echo "skipped: tests of the service under systemd: $why"
  exit 0
fi
programs=${PILOTLIGHT_BIN:-$root/.build/debug}
if [ ! -x "$programs/pilotlightd" ] || [ ! -x "$programs/pilotlightctl" ]; then
  echo "run.sh: no pilotlightd and pilotlightctl in $programs: run 'swift build' first, or set PILOTLIGHT_BIN" >&2
  exit 1
fi
python=$(command -v "$("$root/Tests/EndToEnd/python.sh")")
cd "$systemd"

# What the machines are given; in the repository, which they see.
given=$root/.build/service
rm -rf "$given"
mkdir -p "$given"
# A debug build is linked to the toolchain's Swift.
swift=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift/linux
[ -n "${PACKAGE:-}" ] || PACKAGE=$(COMPRESSION="-Zgzip -z1" SHLIBDEPS="--ignore-missing-info -l$swift" "$root/packaging/deb.sh" "$programs" "$given" 2> "$given/deb.log") ||
  { cat "$given/deb.log" >&2; exit 1; }
cc -shared -fPIC -O1 -Wall -Wextra -Werror -o "$given/obstruct.so" ../EndToEnd/obstruct.c
export PACKAGE PROGRAMS=$programs OBSTRUCT=$given/obstruct.so PYTHONDONTWRITEBYTECODE=1

if [ -n "${ALONE:-}" ]; then exec ./machine.sh "$python" -m pytest -p no:cacheprovider "$@"; fi
# shellcheck disable=SC2016
printf '%s\0' test_*.py | xargs -0 -P "${JOBS:-5}" -I '{}' sh -c \
  'if ./machine.sh "$0" -m pytest -p no:cacheprovider -q --no-header {} "$@" > "'"$given"'/{}.log" 2>&1
   then echo "{} $(tail -1 "'"$given"'/{}.log")"; else cat "'"$given"'/{}.log"; echo "{} failed"; exit 1; fi' "$python" "$@"
