#!/usr/bin/env python3
"""Shows that the simulator has teeth: plants one bug at a time in a copy of the sources and counts the worlds until a promise
breaks. All bugs are compiled into one program, each behind a number, so that there is one build and not one per bug. Arguments: names of bugs; none means all."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".build" / "mutants"
MODULES = ["PilotlightCore", "PilotlightEngine", "PilotlightSandbox", "PilotlightSimulation"]
SEEDS = 10_000
BUILD = ["swift", "build", "--package-path", WORK, "--configuration", "release", "--quiet", "--static-swift-stdlib",
         "-Xswiftc", "-enforce-exclusivity=unchecked"]

MANIFEST = """// swift-tools-version: 6.2
import PackageDescription
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]
let package = Package(
  name: "mutants",
  targets: [
    .target(name: "PilotlightCore", swiftSettings: settings),
    .target(name: "PilotlightEngine", dependencies: ["PilotlightCore"], swiftSettings: settings),
    .target(name: "PilotlightSandbox", dependencies: ["PilotlightCore"], swiftSettings: settings),
    .target(
      name: "PilotlightSimulation", dependencies: ["PilotlightCore", "PilotlightEngine", "PilotlightSandbox"],
      swiftSettings: settings),
    .executableTarget(
      name: "hunt", dependencies: ["PilotlightCore", "PilotlightSimulation"], swiftSettings: settings),
  ], swiftLanguageModes: [.v6])
"""

SWITCH = """/// The planted bug that is awake; 0 is none. Set once, before anything runs.
nonisolated(unsafe) package var awake = 0
"""

HUNT = """import PilotlightCore
import PilotlightSimulation
awake = Int(CommandLine.arguments[1]) ?? 0
let seeds = UInt64(CommandLine.arguments[2]) ?? 1
search: for seed in 1...seeds {
  for kind in [Trial.Kind.any, .noise] {
    guard let first = Simulation(.random(seed: seed, kind)).run().violations.first else { continue }
    print("\\(seed) \\(first.rule)")
    break search
  }
}
"""


def write(path: Path, text: str) -> None:
    """Unchanged files keep their time, so that nothing is compiled twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def plant() -> None:
    texts = {
        f"{module}/{file.name}": file.read_text()
        for module in MODULES for file in sorted((ROOT / "Sources" / module).glob("*.swift"))
    }
    for number, mutant in enumerate(MUTANTS, start=1):
        text = texts[mutant.file]
        if text.count(mutant.find) != 1:
            sys.exit(f"{mutant.name}: its text stands {text.count(mutant.find)} times in {mutant.file}; once was expected")
        planted = mutant.planted.replace("AWAKE", f"(awake == {number})")
        texts[mutant.file] = text.replace(mutant.find, planted)
    write(WORK / "Package.swift", MANIFEST)
    write(WORK / "Sources" / "PilotlightCore" / "Awake.swift", SWITCH)
    write(WORK / "Sources" / "hunt" / "main.swift", HUNT)
    for name, text in texts.items():
        write(WORK / "Sources" / name, text)


def hunt(number: int) -> str:
    program = WORK / ".build" / "release" / "hunt"
    done = subprocess.run([program, str(number), str(SEEDS if number else 200)], capture_output=True, text=True)
    # A bug that traps is found; a hunt that somebody ended has found nothing.
    if done.returncode in (-signal.SIGTERM, -signal.SIGKILL, -signal.SIGINT):
        sys.exit(f"hunt {number} was ended by signal {-done.returncode}")
    return done.stdout.strip() if done.returncode == 0 else f"0 crashed with {done.returncode}"


def main() -> int:
    plant()
    subprocess.run(BUILD, check=True)
    if broken := hunt(0):
        print("without any planted bug a promise breaks: " + broken)
        return 1
    missed = 0
    chosen = [(n, m) for n, m in enumerate(MUTANTS, start=1) if not sys.argv[1:] or m.name in sys.argv[1:]]
    with ThreadPoolExecutor(os.cpu_count()) as hunters:
        hunts = {hunters.submit(hunt, number): mutant for number, mutant in chosen}
        for done in as_completed(hunts):
            mutant, found = hunts[done], done.result()
            missed += not found
            seed, _, rule = found.partition(" ")
            told = f"seed {seed:>5}  {rule}" if found else f"NOT FOUND in {SEEDS} seeds"
            print(f"{mutant.name:28} {told}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} planted bugs found within {SEEDS} seeds")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
