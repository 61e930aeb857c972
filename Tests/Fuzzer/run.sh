#!/bin/bash
# Fuzzes every reader of foreign bytes for TIME seconds each, JOBS at a time, from the committed corpus on and from what earlier runs
# found; then says how much of the readers the whole corpus reaches. An input has 10 s of the wall clock, times PATIENCE on a busy machine.
#
#   Tests/Fuzzer/run.sh [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/../.."

time=${TIME:-60}
jobs=${JOBS:-2}
scratch=.build/fuzz
committed=Tests/FuzzTests/Corpus
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls "$committed")

mkdir -p "$scratch/found"
# Both sanitizers in one flag: of two `--sanitize`, the compiler takes the last, and SwiftPM puts them in any order.
PILOTLIGHT_FUZZ=1 "${SWIFT:-swift}" build --scratch-path "$scratch" --configuration release --product fuzzer \
  --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=address -Xlinker -use-ld=lld > "$scratch.log" 2>&1 || {
  cat "$scratch.log"
  exit 1
}
fuzzer=$scratch/release/fuzzer
# Swift keeps pointers with tag bits, which the leak sanitizer takes for lost.
export ASAN_OPTIONS=detect_leaks=0:malloc_context_size=1 SWIFT_BACKTRACE=enable=no

fuzz() {
  local target=$1 log=$scratch/$1.log
  mkdir -p "$scratch/corpus/$target"
  if ! FUZZ_TARGET=$target "$fuzzer" "$scratch/corpus/$target" "$committed/$target" \
    -max_total_time="$time" -max_len=16384 -timeout=$((10 * ${PATIENCE:-1})) -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$scratch/found/$target-" > "$log" 2>&1; then
    grep -aE 'Fatal error|ERROR|SUMMARY|Test unit written' "$log" || tail -20 "$log"
    echo "$target: broken; the input is in $scratch/found"
    return 1
  fi
  # A program without instrumentation would find nothing for ever.
  if ! grep -qa 'NEW' "$log" && [ "$(grep -aoE 'cov: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)" -lt 100 ]; then
    echo "$target: the fuzzer sees no coverage"
    return 1
  fi
  printf '%-14s %10d inputs in %d s, %6d edges, %4d in the corpus, none broke a promise\n' "$target" \
    "$(awk '/number_of_executed_units/ {print $2}' "$log")" "$time" \
    "$(grep -aoE 'cov: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)" \
    "$(grep -aoE 'corp: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)"
}

failed=0
running=0
for target in "${targets[@]}"; do
  fuzz "$target" &
  running=$((running + 1))
  if [ "$running" -ge "$jobs" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
[ "$failed" -eq 0 ] || exit 1

# libFuzzer's counters and a profile exclude each other: the corpus is read again by the tests, in a build of their own.
PILOTLIGHT_CORPUS=$PWD/$scratch/corpus "${SWIFT:-swift}" test --scratch-path .build/coverage --enable-code-coverage \
  --disable-xctest --filter FuzzTests > "$scratch.log" 2>&1 || {
  cat "$scratch.log"
  exit 1
}
echo "lines of the readers that the corpus reaches:"
python3 - .build/coverage/debug/codecov/pilotlight.json <<'PYTHON'
import collections, json, sys

READERS = {
    "PilotlightConfiguration": None,
    "PilotlightScenarios": None,
    "PilotlightAWS": None,
    "PilotlightDNS": ["DNSMessage", "Sections", "Reception", "FamilyAnswer"],
    "PilotlightControlAPI": ["ControlRequest", "Routing", "Orders", "ExplicitNull"],
    "PilotlightLedger": ["JSONRecordCodec"],
    "PilotlightRecording": [
        "Packing", "Format", "ValueCodec", "Stretch", "RecordingReader", "Recorder", "Replay", "WorkloadReplay"],
    "PilotlightCore": ["Detector", "Tally", "DurableState", "Record", "Record+Message", "Loss", "NameVerdict"],
}
reached, counted = collections.Counter(), collections.Counter()
for file in json.load(open(sys.argv[1]))["data"][0]["files"]:
    module, _, name = file["filename"].partition("/Sources/")[2].removesuffix(".swift").partition("/")
    if module in READERS and (READERS[module] is None or name in READERS[module]):
        reached[module] += file["summary"]["lines"]["covered"]
        counted[module] += file["summary"]["lines"]["count"]
for module, lines in sorted(counted.items()):
    print(f"  {module:24} {reached[module]:5} of {lines:5}  {100 * reached[module] / lines:3.0f} %")
PYTHON
