"""The fence after the failover: hours in which nothing is paid, and days in which what was fenced comes loose. The
daemon's clock leaps over them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aws.client import Control
from checks import assert_promoted_once, fail_over
from daemon import PATIENCE, Daemon
from fence_support import (
    ALL_OWED, DATABASE_STEP, GROUP_STEP, LADDER, LISTENER_STEP, RUNGS, accepted, is_fenced, lines,
    mend_fenced_primary, old_database, owed, remove_rule, until_paid)
from settings import WORKLOAD
from world import DATABASE, GROUP, PRIMARY, SERVING, World

#: What was fenced is looked at so often, in minutes, and a little more; and at once by who was away.
WATCH = 5.2


class Leaper(Daemon):
    """A daemon whose time can be made to pass in a moment."""

    def __init__(self, world: World, directory: Path, library: Path) -> None:
        self.ahead = directory / "ahead"
        self.ahead.write_bytes(struct.pack("l", 0))
        super().__init__(world, directory, LADDER, {"LD_PRELOAD": str(library), "LEAP": str(self.ahead)})

    def leap(self, minutes: float) -> None:
        """At once, as in a suspend."""
        (now,) = struct.unpack("l", self.ahead.read_bytes())
        # In place: the daemon has the file mapped.
        with self.ahead.open("r+b") as file:
            file.write(struct.pack("l", now + round(minutes * 60)))


def looked_at(world: World, since: int) -> bool:
    """Every rung, by the daemon, and answered."""
    return {
        call["action"] for call in world.control.calls(since=since)
        if call["region"] == PRIMARY and call["status"] and not call["agent"].startswith("Boto")
    } >= {"DescribeAutoScalingGroups", "DescribeRules", "DescribeDBInstances"}


@pytest.fixture
def fenced(world: World, tmp_path: Path, shim: Callable[[str], Path]) -> Iterator[Leaper]:
    """In dr-active, with an old primary whose every rung is closed."""
    with Leaper(world, tmp_path, shim("leap")) as daemon:
        daemon.start().armed()
        fail_over(world, daemon)
        until_paid(world, daemon)
        mend_fenced_primary(world)
        # The first look is at once: what a test loosens before it would be fenced again before the test sees it loose.
        (stopped,) = accepted(world, DATABASE_STEP)
        daemon.wait_until("every rung was looked at", lambda: looked_at(world, stopped["n"]), 20)
        yield daemon


def start_database(world: World) -> None:
    world.client("rds", PRIMARY).start_db_instance(DBInstanceIdentifier=DATABASE)


def scale_up(world: World) -> None:
    low, wanted, high = SERVING
    world.client("autoscaling", PRIMARY).update_auto_scaling_group(
        AutoScalingGroupName=GROUP, MinSize=low, DesiredCapacity=wanted, MaxSize=high)


@pytest.mark.parametrize(("step", "loosen"), [
    (DATABASE_STEP, start_database), (GROUP_STEP, scale_up), (LISTENER_STEP, remove_rule)], ids=[
    "the database was started", "the group was scaled up", "the rule was removed"])
def test_what_comes_loose_is_owed_and_fenced_again(
    world: World, fenced: Leaper, step: str, loosen: Callable[[World], None]
) -> None:
    """RDS starts a stopped instance after seven days; a schedule scales a group up; somebody cleans a listener."""
    loosen(world)
    fenced.wait_until("it is loose", lambda: not is_fenced(world) and old_database(world) != "starting", 10)
    before = len(world.changes())
    fenced.stays(lambda: not is_fenced(world) and fenced.status()["debts"] == [], 3)
    fenced.leap(WATCH)
    fenced.wait_until("it is seen", lambda: lines(fenced, "is fenced no more"), 20)
    until_paid(world, fenced, 30)
    assert len(lines(fenced, "is fenced no more")) == 1
    assert len(lines(fenced, "fence debt paid")) == 1
    assert len(world.changes()) == before + 1, fenced.account()
    assert fenced.status()["phase"] == "dr-active"
    assert_promoted_once(world)


def test_a_fence_that_holds_is_looked_at_and_left_alone(world: World, aws: Control, fenced: Leaper) -> None:
    changes, seen = world.changes(), aws.mark()
    for _ in range(3):
        fenced.leap(WATCH)
        fenced.wait_until("every rung was looked at", lambda: looked_at(world, seen), 20)
        seen = aws.mark()
    assert world.changes() == changes and fenced.status()["debts"] == []


def test_a_failback_that_is_taken_back_leaves_the_old_primary_fenced_again(
    world: World, aws: Control, fenced: Leaper
) -> None:
    fenced.order("ack", "--loss-reviewed")
    aws.configure(stop_start=3 * PATIENCE)
    fenced.order("failback", "--confirm", WORKLOAD)
    fenced.wait_until("the database starts", lambda: old_database(world) == "starting", 20)
    fenced.order("abort")
    fenced.until_phase("dr-active", 40)
    fenced.wait_until("it has started", lambda: old_database(world) == "available", 20)
    aws.configure(stop_start=0.3)
    fenced.leap(WATCH)
    fenced.wait_until("it is seen", lambda: lines(fenced, "is fenced no more"), 20)
    until_paid(world, fenced, 30)
    assert len(lines(fenced, "is fenced no more")) == 1
    assert_promoted_once(world)


@pytest.mark.slow
def test_a_debt_that_stays_is_told_again_after_hours_and_a_person_can_answer_for_it(
    world: World, tmp_path: Path, shim: Callable[[str], Path]
) -> None:
    """After 1, 2 and 4 hours; `skip` waives each for itself, and what was waived is not begun anew."""
    with Leaper(world, tmp_path, shim("leap")) as daemon:
        daemon.start().armed()
        fault = world.lose_primary_region()
        workload = daemon.until_phase("dr-active", 120)
        assert owed(workload) == ALL_OWED, workload["debts"]
        for told, hours in enumerate((1, 1, 2), 1):
            daemon.leap(hours * 60 + 1)
            daemon.wait_until("it is told", lambda: len(lines(daemon, "fence debt unpaid for")) == 3 * told, 20)
        daemon.stays(lambda: len(lines(daemon, "fence debt unpaid for")) == 9, 3)
        for step in RUNGS:
            daemon.order("skip", "--step", step, reason=f"nobody reaches the {step} of it")
        assert daemon.status()["debts"] == []
        world.control.lift(fault)
        changes = world.changes()
        daemon.kill()
        daemon.start()
        mend_fenced_primary(world)
        daemon.leap(WATCH)
        daemon.stays(lambda: daemon.status()["debts"] == [], 4)
        assert world.changes() == changes, "what a person answers for is left alone"
