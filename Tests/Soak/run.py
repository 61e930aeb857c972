#!/usr/bin/env python3
"""The real daemon through a million polls of every outcome on loopback. Fails unless its memory, descriptors and threads
are flat; prints the figures. Ends by itself, after the polls or when they take too long."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from pathlib import Path

import servers
from daemon import WORKLOADS, Daemon, Sample

#: The least of the last quarter may exceed the least of the second by this much. The first quarter is left out: caches
#: fill (SQLite's alone takes 2 MB), the thread pools and the allocator's arenas find their size. The least, and not the
#: median, since a machine that stands still for a second brings a burst of requests, whose memory is given back within
#: half a minute; what leaks is never given back and lifts the least as well. Between the two quarters lie half of the
#: polls: of a million, 1 MB is two bytes a poll, so the smallest block there is, lost by every 16th poll, is seen.
MEMORY_SHARE, MEMORY_KB = 0.02, 1024
#: These rest at their least whenever nothing is under way; one lost in a hundred thousand polls is seen.
DESCRIPTORS, THREADS = 4, 2
#: Seconds between samples, and between reloads.
SAMPLE, RELOAD = 1.0, 10.0
#: How often it is stopped and started in the end, in the middle of everything, and how long it works in between, seconds.
STOPS, WORKS = 20, 1.5
#: The polls must come at this rate at least, on any machine.
SLOWEST = 300


def errands(daemon: Daemon, round_: int) -> None:
    """What operators and monitoring ask meanwhile."""
    name = f"soak-{round_ // 2 % WORKLOADS}"
    for target in ("status", "health", f"explain?workload={name}", f"plan?workload={name}&kind=failover", "nonsense"):
        daemon.ask(f"/v1/{target}")
    daemon.ask(f"/v1/history?workload={name}&limit=100")
    order = "resume" if round_ % 2 else "pause"
    daemon.ask("/v1/orders", {"workload": name, "order": order, "reason": "the soak says so", "confirm": name})


def watch(daemon: Daemon, counts: servers.Counts, polls: int) -> list[Sample]:
    """Samples until the polls are done."""
    samples = [daemon.sample(0)]
    began = reloaded = time.monotonic()
    deadline = began + max(60, polls / SLOWEST)
    for round_ in range(sys.maxsize):
        time.sleep(SAMPLE)
        now = time.monotonic()
        if not daemon.alive():
            sys.exit(f"soak: pilotlightd ended by itself\n{daemon.last_words()}")
        samples.append(daemon.sample(counts.polls()))
        if samples[-1].polls >= polls:
            break
        if now > deadline:
            sys.exit(f"soak: only {samples[-1].polls} of {polls} polls within {now - began:.0f} s")
        if now - reloaded > RELOAD:
            daemon.reload()
            reloaded = now
        errands(daemon, round_)
    return samples


def stop_often(daemon: Daemon) -> list[str]:
    """Why a stop was not clean: threads and libraries must not be taken apart while others use them."""
    problems = []
    for number in range(STOPS):
        code = daemon.stop()
        if code != 0:
            problems.append(f"stop {number} ended with {code}\n{daemon.last_words()[-500:]}")
        if number + 1 < STOPS:
            daemon.start()
            time.sleep(WORKS)
    return problems


def quarter(samples: list[Sample], number: int) -> list[Sample]:
    """The samples of quarter 1 to 4 of the polls."""
    last = samples[-1].polls
    return [one for one in samples if (number - 1) * last <= 4 * one.polls <= number * last]


def least(samples: list[Sample], number: int, what: str) -> int:
    """The least of a quarter."""
    found: int = min(getattr(one, what) for one in quarter(samples, number))
    return found


def growth(samples: list[Sample]) -> list[str]:
    """What is not flat."""
    found = []
    for what, bound in (("resident", 0), ("anonymous", 0), ("descriptors", DESCRIPTORS), ("threads", THREADS)):
        before, after = least(samples, 2, what), least(samples, 4, what)
        allowed = bound or max(int(MEMORY_SHARE * before), MEMORY_KB)
        if after - before > allowed:
            found.append(f"{what} grew from {before} to {after}; {allowed} more are allowed")
    return found


def tell(samples: list[Sample], counts: dict[str, int], daemon: Daemon, minutes: float) -> None:
    last = samples[-1]
    print(f"{last.polls} polls in {minutes:.1f} minutes by {WORKLOADS} workloads")
    print("  " + ", ".join(f"{kind} {count}" for kind, count in counts.items()))
    print(f"  {daemon.lines} log lines, {daemon.states} STATUS, {daemon.pings} WATCHDOG")
    for percent in (0, 25, 50, 75, 100):
        one = next(one for one in samples if 100 * one.polls >= percent * last.polls)
        print(
            f"  {percent:3} %: resident {one.resident} kB, of it anonymous {one.anonymous} kB, "
            f"{one.descriptors} descriptors, {one.threads} threads")
    for number in (2, 4):
        found = [least(samples, number, what) for what in ("resident", "anonymous", "descriptors", "threads")]
        print("  least of quarter {}: {} kB resident, {} kB anonymous, {} descriptors, {} threads".format(number, *found))
    first = quarter(samples, 2)[0]
    print(f"  {1e6 * (last.processor - first.processor) / (last.polls - first.polls):.0f} us of processor time a poll")


def record(samples: list[Sample], file: Path) -> None:
    """All samples as CSV, for who wants to draw them."""
    names = [field.name for field in dataclasses.fields(Sample)]
    lines = [",".join(str(getattr(one, name)) for name in names) for one in samples]
    file.write_text("\n".join([",".join(names), *lines, ""]))


def soak(program: Path, polls: int, directory: Path, csv: Path) -> list[str]:
    """Why it failed; empty when all is well."""
    process, counts, ports = servers.start(servers.make_certificate(directory))
    daemon = Daemon(program, ports, directory)
    began = time.monotonic()
    try:
        while not (directory / "s").exists():
            if not daemon.alive() or time.monotonic() - began > 20:
                sys.exit(f"soak: pilotlightd does not answer\n{daemon.last_words()}")
            time.sleep(0.1)
        samples = watch(daemon, counts, polls)
        minutes = (time.monotonic() - began) / 60
        pings = daemon.pings
        stops = stop_often(daemon)
    finally:
        daemon.kill()
        process.kill()
        process.join()
    record(samples, csv)
    tell(samples, counts.all(), daemon, minutes)
    problems = growth(samples) + stops
    problems += [f"nothing was ever {kind}" for kind, count in counts.all().items() if not count]
    if pings < 20 * minutes:
        problems.append(f"only {pings} signs of life, one a second were due")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=1_000_000)
    parser.add_argument("--program", type=Path, required=True, help="pilotlightd, a release build")
    parser.add_argument("--csv", type=Path, required=True, help="where all samples are written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pilotlight-soak-") as directory:
        problems = soak(arguments.program.resolve(), arguments.polls, Path(directory), arguments.csv)
    for problem in problems:
        print(f"soak: {problem}", file=sys.stderr)
    if not problems:
        print(f"flat: memory, descriptors and threads; {STOPS} clean stops")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
