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

#: Memory is judged at rest, after each quarter of the polls: with hundreds of polls under way it tells how long the machine
#: stood still a moment ago. What the last quarter's rest may have more than the second's: half of the polls lie between, and
#: of a million, 1 MB is two bytes a poll, so the smallest block there is, lost by every 16th poll, is seen. Before the
#: second, caches fill (SQLite's alone takes 2 MB), and pools of threads and handles find their size.
MEMORY_SHARE, MEMORY_KB = 0.02, 1024
#: One lost in a hundred thousand polls is seen.
DESCRIPTORS, THREADS = 4, 2
#: A rest lasts until idle connections are closed and the daemon has trimmed its heap, and is then looked at, seconds.
RESTS, LOOKS = 55, 10
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


def look(daemon: Daemon, counts: servers.Counts) -> Sample:
    time.sleep(SAMPLE)
    if not daemon.alive():
        sys.exit(f"soak: pilotlightd ended by itself\n{daemon.last_words()}")
    return daemon.sample(counts.polls())


def rest(daemon: Daemon, counts: servers.Counts) -> Sample:
    """The daemon as it is when it has little to do: the least of some looks, each figure by itself."""
    daemon.reload(rest=True)
    time.sleep(RESTS)
    looks = [look(daemon, counts) for _ in range(LOOKS)]
    daemon.reload()
    figures = ("resident", "anonymous", "descriptors", "threads")
    return dataclasses.replace(looks[-1], **{what: min(getattr(one, what) for one in looks) for what in figures})


def work(daemon: Daemon, counts: servers.Counts, until: int, deadline: float) -> list[Sample]:
    """Samples until so many polls are done."""
    samples = [look(daemon, counts)]
    reloaded = time.monotonic()
    while samples[-1].polls < until:
        errands(daemon, len(samples))
        samples.append(look(daemon, counts))
        if time.monotonic() > deadline:
            sys.exit(f"soak: only {samples[-1].polls} polls in the time for all of them")
        if time.monotonic() - reloaded > RELOAD:
            daemon.reload()
            reloaded = time.monotonic()
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


def growth(rests: list[Sample]) -> list[str]:
    """What is not flat."""
    found = []
    for what, bound in (("resident", 0), ("anonymous", 0), ("descriptors", DESCRIPTORS), ("threads", THREADS)):
        before, after = getattr(rests[1], what), getattr(rests[3], what)
        allowed = bound or max(int(MEMORY_SHARE * before), MEMORY_KB)
        if after - before > allowed:
            found.append(f"{what} grew from {before} to {after}; {allowed} more are allowed")
    return found


def tell(percent: int, one: Sample) -> None:
    print(
        f"{percent:3} %, {one.polls} polls: {one.resident} kB resident, {one.anonymous} kB of it anonymous, "
        f"{one.descriptors} descriptors, {one.threads} threads", flush=True)


def sum_up(start: Sample, last: Sample, counts: dict[str, int], daemon: Daemon, minutes: float) -> None:
    cost = 1e6 * (last.processor - start.processor) / (last.polls - start.polls)
    print(f"{last.polls} polls in {minutes:.1f} minutes by {WORKLOADS} workloads, {cost:.0f} us of processor time each")
    print(", ".join(f"{kind} {count}" for kind, count in counts.items()))
    print(f"{daemon.lines} log lines, {daemon.states} STATUS, {daemon.pings} WATCHDOG")


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
        start, samples, rests = daemon.sample(0), [], []
        deadline = began + max(60, polls / SLOWEST) + 4 * (RESTS + LOOKS)
        tell(0, start)
        for percent in (25, 50, 75, 100):
            samples += work(daemon, counts, percent * polls // 100, deadline)
            rests.append(rest(daemon, counts))
            tell(percent, rests[-1])
        minutes = (time.monotonic() - began) / 60
        pings = daemon.pings
        stops = stop_often(daemon)
    finally:
        daemon.kill()
        process.kill()
        process.join()
    record([start, *samples, *rests], csv)
    sum_up(start, rests[-1], counts.all(), daemon, minutes)
    problems = growth(rests) + stops
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
