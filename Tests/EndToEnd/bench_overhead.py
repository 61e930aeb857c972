"""What the product adds to a failover: everything between the decision and the traffic's move that is not the cloud's time.
The real daemon fails over again and again in a cloud whose transitions have known lengths; what is left of the critical path
is its own. Pauses between two looks count as its own, and so does the stand-in's time to answer. Ends in 1 when the median
misses the goal."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from aws.client import Control
from daemon import PATIENCE, Daemon
from world import DR, World

#: Seconds of a failover that may be the product's own, by the median.
GOAL = 2.0
#: Each failover has transitions of other lengths, up to so much longer: else every look would come at the same moment of them.
SPREAD = 0.25


@dataclasses.dataclass
class Lengths:
    """Of the cloud's transitions, seconds."""

    promotion: float
    launch: float
    healthy: float
    stop: float
    record: float

    def drawn(self, dice: random.Random) -> Lengths:
        return Lengths(*(length * (1 + dice.uniform(0, SPREAD)) for length in dataclasses.astuple(self)))

    def lay(self, control: Control) -> None:
        control.configure(
            promote_accept=0, promote_modifying=self.promotion, promote_rebooting=0, launch=self.launch,
            target_healthy=self.healthy, terminate=self.stop, route53=self.record)


@dataclasses.dataclass
class Share:
    """Of one step, seconds."""

    cloud: float
    own: float
    #: Own by the daemon's own report, which takes the pauses between looks for the cloud's.
    told: float


@contextlib.contextmanager
def ticking(control: Control) -> Iterator[None]:
    """The stand-in's transitions end when the next request comes: here one always comes soon."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(0.05):
            control.ask("GET", "state")

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def cloud_time(world: World, lengths: Lengths, step: dict[str, Any]) -> float:
    """How long the step had to wait for a transition, whoever looked at it and when."""

    def asked(action: str, region: str | None = None) -> float:
        calls = [call for call in world.changes(action) if call["status"] == 200 and region in (None, call["region"])]
        assert len(calls) == 1, f"an undisturbed failover asks once: {calls}"
        return calls[0]["at"]

    start = seconds(step["startedAt"])
    match step["name"]:
        case "fence-primary":
            return lengths.stop
        case "promote-replica":
            return lengths.promotion
        case "verify-dr-targets":
            ready = asked("UpdateAutoScalingGroup", DR) + lengths.launch + lengths.healthy
            return max(ready - start, 0)
        case "shift-traffic":
            return lengths.record
        case _:
            return 0


def shares(world: World, lengths: Lengths, report: dict[str, Any]) -> dict[str, Share]:
    """Of the steps between the decision and the traffic's move, in the plan's order."""
    found = {}
    for account in report["steps"]:
        step = account["step"]
        took = seconds(step["finishedAt"]) - seconds(step["startedAt"])
        cloud = cloud_time(world, lengths, step)
        found[step["name"]] = Share(cloud, took - cloud, account["ownSeconds"])
        if step["name"] == "shift-traffic":
            return found
    raise AssertionError("the plan has no shift-traffic")


def fail_over(control: Control, lengths: Lengths) -> tuple[float, dict[str, Share]]:
    """From the decision to the traffic's move, seconds, and the steps' shares of it."""
    world = World(control)
    try:
        with tempfile.TemporaryDirectory(prefix="pilotlight-bench-") as directory:
            daemon = Daemon(world, Path(directory))
            daemon.start().armed()
            lengths.lay(control)
            with ticking(control):
                world.break_primary()
                try:
                    patience = sum(dataclasses.astuple(lengths)) * 2 + 60
                    daemon.wait_until("the failover", lambda: world.announcements(), patience)
                    daemon.until_phase("dr-active", 10 * PATIENCE)
                    report = json.loads(daemon.ctl("report", "--json").stdout)
                finally:
                    daemon.kill()
            moments = {one["what"]: seconds(one["at"]) for one in report["milestones"]}
            return moments["served"] - moments["run begun"], shares(world, lengths, report)
    finally:
        world.close()


def row(*cells: object) -> None:
    texts = [cell if isinstance(cell, str) else f"{cell:.2f}" for cell in cells]
    print(f"{texts[0]:<24}" + "".join(f"{text:>12}" for text in texts[1:]), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("failovers", type=int, nargs="?", default=5)
    for name, length in (("promotion", 5), ("launch", 3), ("healthy", 1), ("stop", 1), ("record", 2)):
        parser.add_argument(f"--{name}", type=float, default=length, metavar="SECONDS", help=f"default: {length}")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    lengths = Lengths(asked.promotion, asked.launch, asked.healthy, asked.stop, asked.record)
    dice = random.Random(asked.seed)
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        del os.environ[name]
    shown = ", ".join(f"{name} {length:g} s" for name, length in dataclasses.asdict(lengths).items())
    print(f"{asked.failovers} failovers; the cloud's transitions, each up to {SPREAD:.0%} longer: {shown}\n")
    row("failover", "took", "the cloud's", "own")
    owns, steps = [], []
    with Control.started() as control:
        for number in range(1, asked.failovers + 1):
            took, found = fail_over(control, lengths.drawn(dice))
            cloud = sum(share.cloud for share in found.values())
            owns.append(took - cloud)
            steps.append(found)
            row(str(number), took, cloud, took - cloud)
    print()
    row("own time of a step", "median", "max", "by report")
    for name in steps[0]:
        of_step = [found[name] for found in steps]
        row(name, median(one.own for one in of_step), max(one.own for one in of_step), median(one.told for one in of_step))
    row("all", median(owns), max(owns), median(sum(share.told for share in found.values()) for found in steps))
    is_met = median(owns) < GOAL
    print(f"\nown time of a failover: median {median(owns):.2f} s, max {max(owns):.2f} s; goal: a median below {GOAL:.0f} s: "
          + ("met" if is_met else "MISSED"))
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
