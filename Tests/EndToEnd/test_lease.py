"""Two real watchdogs over one workload and one table: F25, F26, F56, F74."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aws.client import Control
from checks import assert_failed_over
from daemon import REFUSED, Daemon
from settings import WORKLOAD
from world import DR, World

TABLE, LASTING = "pilotlight", 15


def record(world: World) -> dict[str, str]:
    """The lease as it stands, by its attributes' texts."""
    item = world.client("dynamodb", DR).get_item(
        TableName=TABLE, Key={"workload": {"S": WORKLOAD}}, ConsistentRead=True)["Item"]
    return {name: next(iter(value.values())) for name, value in item.items()}


def acts(world: World) -> list[str]:
    """Changes of anything but the lease."""
    return [call["action"] for call in world.changes() if call["action"] != "PutItem"]


def stands_by(daemon: Daemon) -> Daemon:
    """Nothing but the lease keeps it from being armed."""
    daemon.until("it stands by", lambda workload: [
        "holds the lease" in reason for reason in workload["armed"]["reasons"]] == [True], 20)
    return daemon


def two(watchdog: Callable[[str], Daemon]) -> tuple[Daemon, Daemon]:
    """One that is armed, and one that stands by."""
    a = watchdog("a")
    a.until("it holds the lease", holds, 10)
    b = stands_by(watchdog("b"))
    return a.armed(), b


def holds(workload: dict[str, Any]) -> bool:
    return workload["lease"]["held"]


@pytest.fixture
def watchdog(world: World, tmp_path: Path) -> Iterator[Callable[[str], Daemon]]:
    """`watchdog("a")` is a running daemon of that name, on a directory of its own. A lease that has long lapsed stands in the table:
    whoever comes first takes it."""
    dynamo = world.client("dynamodb", DR)
    dynamo.create_table(
        TableName=TABLE, AttributeDefinitions=[{"AttributeName": "workload", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "workload", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST")
    dynamo.put_item(TableName=TABLE, Item={
        "workload": {"S": WORKLOAD}, "holder": {"S": "nobody"}, "life": {"S": "long.gone"}, "fence": {"N": "4"},
        "renewal": {"N": "9"}, "milliseconds": {"N": "1"}})
    world.built = world.control.mark()
    running: list[Daemon] = []

    def started(name: str) -> Daemon:
        directory = tmp_path / name
        directory.mkdir()
        daemon = Daemon(world, directory, {"lease": {"table": TABLE, "lasting": f"{LASTING}s"}})
        daemon.configure(name=name)
        running.append(daemon)
        return daemon.start()

    yield started
    for daemon in running:
        daemon.kill_at_end()
    for daemon in running:
        daemon.look_for_secrets()


def test_f25_of_two_watchdogs_the_holder_fails_over_and_the_other_changes_nothing(
    world: World, watchdog: Callable[[str], Daemon]
) -> None:
    """F74, too: a watchdog takes the lease of its earlier life at once, under the next number."""
    a, b = two(watchdog)
    assert record(world)["fence"] == "5"
    a.kill()
    a.start()
    a.until("it holds the lease again", holds, 5)
    assert record(world)["fence"] == "6"
    a.armed()
    secret = world.secret(world.dr)

    world.break_primary()
    a.until_phase("dr-active")
    assert_failed_over(world, secret)
    changed = acts(world)
    b.stays(lambda: not holds(b.status()), 5)
    assert acts(world) == changed
    assert "asking" not in b.log() and "a holds the lease" in b.log()
    said = b.order("failover", "--confirm", WORKLOAD, expect=REFUSED)
    assert "a holds the lease" in said and "order it there" in said
    assert "lease" in b.ctl("status").stdout


@pytest.mark.parametrize(("kind", "fence"), [("hold", "5"), ("hold-answer", "6")])
def test_f74_a_kill_in_the_middle_of_taking_the_lease_leaves_one_holder(
    world: World, aws: Control, watchdog: Callable[[str], Daemon], kind: str, fence: str
) -> None:
    """The request never arrived, or was carried out and nobody heard: the next life takes the lease at once, and can act."""
    fault = aws.fault(kind, action="PutItem")
    a = watchdog("a")
    a.wait_until("it is taking it", lambda: aws.struck(fault) >= 1 and (kind == "hold" or record(world)["fence"] == "5"), 20)
    assert not holds(a.status())
    a.kill()
    aws.lift(fault)
    a.start()
    a.until("it holds the lease", holds, 5)
    assert record(world)["holder"] == "a" and record(world)["fence"] == fence
    a.armed()
    secret = world.secret(world.dr)
    world.break_primary()
    a.until_phase("dr-active")
    assert_failed_over(world, secret)


def test_f74_a_claim_whose_answer_is_lost_is_looked_at_and_holds(
    world: World, aws: Control, watchdog: Callable[[str], Daemon]
) -> None:
    fault = aws.fault("lost-answer", action="PutItem", count=1)
    a = watchdog("a")
    a.until("it holds the lease", holds, 20)
    assert aws.struck(fault) == 1 and record(world)["holder"] == "a"
    a.armed()


def test_f25_the_other_follows_a_holder_that_died_and_finishes_what_it_finds(
    world: World, watchdog: Callable[[str], Daemon]
) -> None:
    a, b = two(watchdog)
    secret = world.secret(world.dr)
    world.break_primary()
    a.wait_until("it began to act", lambda: acts(world), 30)
    a.kill()
    b.until("it took the lease", holds, 3 * LASTING)
    b.until_phase("dr-active", 90)
    assert_failed_over(world, secret)
    assert record(world)["holder"] == "b" and record(world)["fence"] == "6"


def test_f25_f56_a_holder_that_stood_still_does_nothing_when_it_wakes(
    world: World, watchdog: Callable[[str], Daemon]
) -> None:
    a, b = two(watchdog)
    secret = world.secret(world.dr)
    world.break_primary()
    a.until("it sees the outage", lambda workload: workload["phase"] != "healthy", 20)
    assert a.process is not None
    a.process.send_signal(signal.SIGSTOP)
    before = len(acts(world))
    b.until_phase("dr-active", 120)
    assert_failed_over(world, secret)
    done = acts(world)
    a.process.send_signal(signal.SIGCONT)
    a.until("it knows that it lost the lease", lambda workload: workload["lease"]["holder"] == "b", 20)
    a.stays(lambda: not holds(a.status()), 5)
    assert acts(world) == done and len(done) > before
    assert record(world)["holder"] == "b"


def test_f26_without_the_table_no_failover_begins_and_with_it_one_does(
    world: World, aws: Control, watchdog: Callable[[str], Daemon]
) -> None:
    a = watchdog("a")
    a.until("it holds the lease", holds, 10)
    a.armed()
    secret = world.secret(world.dr)
    fault = aws.fault("error", service="dynamodb", status=500, code="InternalServerError", message="later")
    a.until("it misses the table", lambda workload: workload["lease"]["trouble"], 20)
    world.break_primary()
    a.until("it is degraded", lambda workload: workload["phase"] == "degraded", 20)
    a.stays(lambda: acts(world) == [], LASTING)
    assert "cannot be read" in a.explain()
    aws.lift(fault)
    a.until_phase("dr-active", 90)
    assert_failed_over(world, secret)
