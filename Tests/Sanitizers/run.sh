#!/bin/bash
# Runs the unit and end-to-end tests under sanitizers, one after the other, each in a build of its own. A report of any process, be it
# one that a test killed, fails the run and is shown.
#
#   Tests/Sanitizers/run.sh thread|address...
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/Tests/Sanitizers

# Everything is several times slower: waits are that much longer, and fewer daemons run at once.
export PATIENCE=${PATIENCE:-5} PYTEST_WORKERS=${PYTEST_WORKERS:-3}
# A crash is told by the sanitizer; Swift's own backtracer would come before it.
export SWIFT_BACKTRACE=enable=no

symbolizer=$(dirname "$(readlink -f "$(command -v swift)")")/llvm-symbolizer

# What a sanitizer says goes to a file a process, since tests end daemons before these could say it at their end.
configure() {
  case $1 in
    thread) scratch=.build/tsan runtime=__tsan_init ;;
    address) scratch=.build/asan runtime=__asan_init ;;
    *)
      echo "run.sh: the sanitizers are thread and address, not $1" >&2
      exit 2
      ;;
  esac
  reports=$PWD/$scratch/reports
  local common="log_path='$reports/report' exitcode=66 external_symbolizer_path=$symbolizer"
  export TSAN_OPTIONS="$common suppressions=$here/thread.supp history_size=4"
  # Swift keeps pointers with tag bits, which the leak sanitizer takes for lost; leaks are what `make soak` looks for. A small
  # quarantine, since tests measure memory.
  export ASAN_OPTIONS="$common detect_leaks=0 quarantine_size_mb=16 detect_stack_use_after_return=1 strict_string_checks=1"
}

sanitize() {
  local failed=0
  configure "$1"
  rm -rf "$reports"
  mkdir -p "$reports"
  echo "== $1 sanitizer"
  # Apart from the tests: a build that fails must not leave older programs to be tested.
  "${SWIFT:-swift}" build --build-tests --scratch-path "$scratch" --sanitize "$1"
  make --no-print-directory unit SCRATCH="$scratch" UNIT_FLAGS="--sanitize $1" || failed=1
  # A program without the sanitizer would report nothing for ever.
  for program in pilotlightd pilotlightctl; do
    if ! nm "$scratch/debug/$program" | grep "$runtime" > /dev/null; then
      echo "run.sh: $scratch/debug/$program was not built with the $1 sanitizer" >&2
      exit 1
    fi
  done
  PILOTLIGHT_BIN=$PWD/$scratch/debug Tests/EndToEnd/run.sh || failed=1
  if compgen -G "$reports/*" > /dev/null; then
    cat "$reports"/*
    echo "run.sh: $(grep -lE '(WARNING|ERROR): |DEADLYSIGNAL' "$reports"/* | wc -l) process(es) reported; see $reports" >&2
    failed=1
  fi
  [ "$failed" -eq 0 ] || exit 1
  echo "== $1 sanitizer: no report"
}

for sanitizer in "$@"; do sanitize "$sanitizer"; done
