"""Whatever becomes of a failover or a switchover of a global database, it is asked for once more or not at all, and nobody
is left between two regions."""

from __future__ import annotations

from typing import Any

import pytest

from aurora import FAIL_OVER, SWITCH_OVER, THIRD, AuroraWorld
from aws.client import Control
from checks import assert_failed_over, assert_home, assert_only_promoted, fail_over, gate_asks, promoting
from daemon import DONE, PATIENCE, REFUSED, Daemon, pass_time
from fence_support import lines
from settings import WORKLOAD
from world import DATABASE, DR, PRIMARY, REPLICA, SERVING, STANDBY

#: What was asked for and does not show is taken not to have happened after so many seconds.
SETTLING = 30
BUSY = {"status": 400, "code": "InvalidGlobalClusterStateFault", "message": "it is busy"}
PROMOTE, PROMOTE_HOME = "promote-replica", "promote-primary"


def until_asked(world: AuroraWorld, daemon: Daemon, number: int = 1, seconds: float = 60) -> None:
    daemon.wait_until("the switchover is asked for", lambda: len(world.changes(SWITCH_OVER)) >= number, seconds)


# By name: the rules, and whether it was carried out all the same.
ANSWERS: dict[str, tuple[dict[str, Any], bool]] = {
    "lost-answer": ({"kind": "lost-answer"}, True),
    "5xx-after": ({"kind": "error-after", "status": 502}, True),
    "truncated": ({"kind": "truncate"}, True),
    "html": ({"kind": "html"}, False),
    "reset": ({"kind": "reset"}, False),
    "throttling": ({"kind": "throttle"}, False),
    "busy": ({"kind": "error", **BUSY}, False),
    "cluster-busy": ({"kind": "error", **BUSY, "code": "InvalidDBClusterStateFault"}, False),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.slow
def test_whatever_becomes_of_the_call_there_is_one_failover(
    aurora: AuroraWorld, aws: Control, start, name: str
) -> None:
    """F29, F77: what is not known is looked at before it is asked for again."""
    rule, happened = ANSWERS[name]
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    aws.fault(**rule, action=FAIL_OVER, count=1 if happened else 2)
    fail_over(aurora, daemon, 200)
    assert_failed_over(aurora, secret)
    asked = aurora.changes(FAIL_OVER)
    assert len(asked) == 1 if happened else len(asked) >= 2, asked


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
def test_a_kill_in_the_call_ends_in_one_failover(aurora: AuroraWorld, aws: Control, start, kind: str) -> None:
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    fault = aws.fault(kind, action=FAIL_OVER)
    aurora.break_primary()
    daemon.wait_until("it is asked for", lambda: aws.struck(fault) >= 1, 40)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 150)
    assert_failed_over(aurora, secret)
    assert len(promoting(aurora)) == 1


@pytest.mark.slow
def test_a_request_that_arrives_late_is_committed_to_when_it_shows(aurora: AuroraWorld, aws: Control, start) -> None:
    """It was believed not to have happened, and another one was refused meanwhile: there is no way back any more all the same."""
    aws.configure(failing_over=15 * PATIENCE)
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    aws.fault("late", action=FAIL_OVER, count=1, seconds=SETTLING + 4 * PATIENCE)
    aws.fault("error", action=FAIL_OVER, skip=1, **BUSY)
    aurora.break_primary()
    daemon.wait_until("it was refused", lambda: len(aurora.changes(FAIL_OVER)) >= 2, 90)
    daemon.wait_until("the first one shows", lambda: "failing-over" in daemon.explain(), 30)
    aurora.mend_primary()
    assert "forward" in daemon.order("abort", expect=REFUSED)
    daemon.stays(lambda: daemon.status()["phase"] == "failing-over" and aurora.sizes(aurora.dr) == SERVING, 5)
    daemon.until_phase("dr-active", 60)
    assert_failed_over(aurora, secret)


def test_a_failover_that_does_not_end_is_watched_and_paged_and_no_traffic_moves(
    aurora: AuroraWorld, aws: Control, start
) -> None:
    """F31."""
    aws.configure(failing_over=15 * PATIENCE)
    daemon = start(aurora)
    aurora.break_primary()
    daemon.wait_until("it is asked for", lambda: promoting(aurora), 40)
    pass_time(daemon, 30)
    daemon.wait_until("it is told", lambda: lines(
        daemon, f"{PROMOTE} still running after 30 min", "(forecast 5 min)", "failing-over"), 20)
    daemon.wait_until("it is paged", lambda: lines(daemon, "CRITICAL", "the RTO of 30 min can no longer be met"), 20)
    assert aurora.serving() == "primary" and daemon.status()["stuck"] is None
    daemon.until_phase("dr-active", 60)
    assert len(aurora.changes(FAIL_OVER)) == 1


def test_a_failover_that_is_denied_is_stuck_with_a_way_out(aurora: AuroraWorld, aws: Control, start) -> None:
    """F46."""
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    fault = aws.fault("denied", action=FAIL_OVER)
    aurora.break_primary()
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 60)
    assert workload["stuck"]["step"] == PROMOTE and "AccessDenied" in daemon.explain()
    aws.lift(fault)
    daemon.order("retry", expect=DONE)
    daemon.until_phase("dr-active")
    assert_failed_over(aurora, secret)


@pytest.mark.parametrize("kind", ["throttle", "html", "denied"])
@pytest.mark.parametrize("action", ["DescribeDBClusters", "DescribeGlobalClusters"])
def test_nothing_is_promoted_that_cannot_be_read(
    aurora: AuroraWorld, aws: Control, start, kind: str, action: str
) -> None:
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    fault = aws.fault(kind, action=action)
    aurora.break_primary()
    daemon.stays(lambda: promoting(aurora) == [] and aurora.serving() == "primary", 6)
    aws.lift(fault)
    if daemon.status()["stuck"]:
        daemon.order("retry")
    daemon.until_phase("dr-active", 90)
    assert_failed_over(aurora, secret)


def test_the_writer_is_not_taken_from_a_region_that_somebody_made_it_in_the_run(
    aurora: AuroraWorld, aws: Control, start
) -> None:
    aurora.add_cluster(THIRD, "third")
    daemon = start(aurora, mode="approve")
    aurora.break_primary()
    gate_asks(daemon)
    aws.configure(failing_over=4)
    aurora.fail_over_by_hand(THIRD, "third")
    aurora.built = aurora.control.mark()
    daemon.order("approve")
    daemon.stays(lambda: promoting(aurora) == [], 12)
    assert aurora.writer() == "third" and "third" in daemon.explain(), daemon.explain()


# Switchover


@pytest.mark.parametrize("name", ["lost-answer", "truncated", "reset", "busy", "throttling"])
@pytest.mark.slow
def test_whatever_becomes_of_the_call_there_is_one_switchover(
    aurora: AuroraWorld, aws: Control, start, name: str
) -> None:
    """F29: away and home, each with the same fault."""
    rule, happened = ANSWERS[name]
    daemon = start(aurora)
    secret = aurora.secret(aurora.primary)
    for region in (PRIMARY, DR):
        aws.fault(**rule, action=SWITCH_OVER, region=region, count=1 if happened else 2)
    daemon.order("switchover", "--confirm", WORKLOAD)
    workload = daemon.until_phase("dr-active", 150)
    assert workload["lost"]["seconds"] == 0 and workload["lost"]["reviewedBy"], workload["lost"]
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("healthy", 200)
    assert_home(aurora, secret)
    asked = [call["region"] for call in aurora.changes(SWITCH_OVER)]
    assert asked == [PRIMARY, DR] if happened else min(asked.count(PRIMARY), asked.count(DR)) >= 2, asked
    assert not aurora.writes_held(aurora.primary)


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
def test_a_kill_in_the_call_ends_in_one_switchover(aurora: AuroraWorld, aws: Control, start, kind: str) -> None:
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    fault = aws.fault(kind, action=SWITCH_OVER)
    daemon.order("switchover", "--confirm", WORKLOAD)
    daemon.wait_until("it is asked for", lambda: aws.struck(fault) >= 1, 60)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    workload = daemon.until_phase("dr-active", 150)
    assert_failed_over(aurora, secret)
    assert workload["lost"]["seconds"] == 0, workload["lost"]


@pytest.mark.slow
def test_a_way_home_that_aurora_cancels_can_be_taken_back(aurora: AuroraWorld, aws: Control, start) -> None:
    daemon = start(aurora)
    fail_over(aurora, daemon)
    aurora.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    aws.configure(cancel_switchovers=1)
    daemon.order("failback", "--confirm", WORKLOAD)
    until_asked(aurora, daemon, 1, 60)
    aws.fault("error", action=SWITCH_OVER, **BUSY)
    until_asked(aurora, daemon, 2, 100)
    # Once the refusal of the second has come.
    daemon.wait_until("it may be aborted", lambda: daemon.ctl("abort", WORKLOAD, "--reason", "test").returncode == DONE, 30)
    daemon.until_phase("dr-active", 60)
    assert aurora.writer() == REPLICA and aurora.serving() == "dr" and not aurora.writes_held(aurora.dr)
    assert aurora.sizes(aurora.primary) == STANDBY and aurora.sizes(aurora.dr) == SERVING
    assert_only_promoted(aurora)


@pytest.mark.slow
def test_a_way_home_whose_region_dies_can_be_taken_back_once_aurora_gave_it_up(
    aurora: AuroraWorld, aws: Control, start
) -> None:
    """The DR region is well, and its cluster the writer: it must not answer 503 for as long as the other one is dark."""
    daemon = start(aurora)
    fail_over(aurora, daemon)
    aurora.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    aws.configure(switching_over=4 * PATIENCE)
    daemon.order("failback", "--confirm", WORKLOAD)
    until_asked(aurora, daemon)
    fault = aurora.lose_primary_region()
    daemon.stays(lambda: daemon.steps().get(PROMOTE_HOME) == "running", 6)
    aws.cluster(DR, REPLICA, cancel=True)
    daemon.wait_until("it may be aborted", lambda: daemon.ctl(
        "abort", WORKLOAD, "--reason", "the region is gone again").returncode == DONE, 150)
    daemon.wait_until("writes are taken again", lambda: not aurora.writes_held(aurora.dr), 60)
    aws.lift(fault)
    daemon.until_phase("dr-active", 60)
    assert aurora.writer() == REPLICA and aurora.serving() == "dr"


@pytest.mark.slow
def test_a_switchover_that_aurora_cancels_is_asked_for_again(aurora: AuroraWorld, aws: Control, start) -> None:
    """Users are told to wait all the time, and get nothing wrong."""
    aws.configure(cancel_switchovers=1)
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    daemon.order("switchover", "--confirm", WORKLOAD)
    until_asked(aurora, daemon)
    daemon.stays(lambda: aurora.writes_held(aurora.primary) and aurora.serving() == "primary", 5)
    until_asked(aurora, daemon, 2, 100)
    assert aurora.writes_held(aurora.primary)
    workload = daemon.until_phase("dr-active", 60)
    assert_failed_over(aurora, secret, accepted=2)
    assert workload["lost"]["seconds"] == 0, workload["lost"]


@pytest.mark.slow
def test_a_switchover_that_aurora_cancels_can_be_taken_back(aurora: AuroraWorld, aws: Control, start) -> None:
    aws.configure(cancel_switchovers=99)
    daemon = start(aurora)
    daemon.order("switchover", "--confirm", WORKLOAD)
    until_asked(aurora, daemon)
    assert "forward" in daemon.order("abort", expect=REFUSED)
    aurora.control.fault("error", action=SWITCH_OVER, **BUSY)
    until_asked(aurora, daemon, 2, 100)
    daemon.order("abort", expect=DONE)
    daemon.until_phase("healthy", 60)
    assert aurora.promotions() == [] and aurora.writer() == DATABASE and not aurora.writes_held(aurora.primary)
    assert aurora.sizes(aurora.dr) == STANDBY and aurora.sizes(aurora.primary) == SERVING


@pytest.mark.slow
def test_a_primary_region_that_dies_in_the_switchover_is_failed_over_once_aurora_gave_it_up(
    aurora: AuroraWorld, aws: Control, start
) -> None:
    aws.configure(switching_over=4 * PATIENCE)
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    daemon.order("switchover", "--confirm", WORKLOAD)
    until_asked(aurora, daemon)
    fault = aurora.lose_primary_region()
    daemon.stays(lambda: daemon.steps()[PROMOTE] == "running", 8)
    assert "switching-over" in daemon.ctl("status").stdout + daemon.explain()
    assert "forward" in daemon.order("abort", expect=REFUSED)
    aws.cluster(DR, REPLICA, cancel=True)
    daemon.until("it is a failover", lambda workload: (workload["incident"] or {}).get("kind") == "failover", 150)
    daemon.until_phase("dr-active", 150)
    assert [call["region"] for call in promoting(aurora)] == [PRIMARY, DR]
    assert aurora.promotions() == [REPLICA] and aurora.writer() == REPLICA and aurora.serving() == "dr"
    aws.lift(fault)
    assert aurora.secret(aurora.dr) == {**secret, "host": aurora.address(DR, REPLICA)}


@pytest.mark.slow
def test_somebody_fails_over_a_switchover_that_hangs(aurora: AuroraWorld, aws: Control, start) -> None:
    """The step sees that the cluster is the writer, whoever made it so."""
    aws.configure(switching_over=4 * PATIENCE)
    daemon = start(aurora)
    daemon.order("switchover", "--confirm", WORKLOAD)
    until_asked(aurora, daemon)
    fault = aurora.lose_primary_region()
    daemon.stays(lambda: daemon.steps()[PROMOTE] == "running", 6)
    aws.cluster(DR, REPLICA, cancel=True)
    aurora.fail_over_by_hand()
    daemon.wait_until("the DR region serves", lambda: aurora.serving() == "dr", 150)
    asked = aurora.changes(FAIL_OVER)
    assert len(asked) == 1, asked
    aws.lift(fault)
