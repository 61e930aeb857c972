"""The API misbehaves in the middle of a failover."""

from __future__ import annotations

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_promoted_once, fail_over
from daemon import DONE
from world import DR, REPLICA, World


def test_throttling_slows_a_failover_and_does_not_stop_it(world: World, aws: Control, start) -> None:
    """F28."""
    daemon = start(world)
    secret = world.secret(world.dr)
    aws.fault("throttle", region=DR, mutating=True, probability=0.5, count=12)
    aws.fault("throttle", region=DR, action="Describe*", probability=0.3, duration=20)
    fail_over(world, daemon, 90)
    aws.lift()
    assert_failed_over(world, secret)


@pytest.mark.parametrize(("kind", "options"), [
    ("lost-answer", {}), ("error-after", {"status": 502}), ("error-after", {"status": 500}), ("truncate", {}),
    ("html", {}), ("garbage", {}), ("throttle", {}), ("reset", {}), ("error", {"status": 503}),
], ids=lambda value: value if isinstance(value, str) else str(value.get("status", "")))
def test_whatever_becomes_of_the_promote_call_there_is_one_promotion(
    world: World, aws: Control, start, kind: str, options: dict
) -> None:
    """F29, F47, F77: an unknown outcome is looked into before anything is repeated."""
    daemon = start(world)
    secret = world.secret(world.dr)
    aws.fault(kind, action="PromoteReadReplica", count=1, **options)
    fail_over(world, daemon, 120)
    assert_failed_over(world, secret)
    if kind in ("lost-answer", "error-after", "truncate"):
        assert len(world.changes("PromoteReadReplica")) == 1


@pytest.mark.parametrize("kind", ["truncate", "garbage", "html", "reset", "error"])
def test_nonsense_instead_of_answers_is_survived(world: World, aws: Control, start, kind: str) -> None:
    """F47."""
    daemon = start(world)
    secret = world.secret(world.dr)
    aws.fault(kind, region=DR, probability=0.4, count=15)
    fail_over(world, daemon, 120)
    aws.lift()
    assert_failed_over(world, secret)


def test_a_huge_answer_is_cut_and_memory_stays_flat(world: World, aws: Control, start) -> None:
    daemon = start(world)

    def resident() -> int:
        with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    before = resident()
    fault = aws.fault("huge", region=DR, service="rds", count=4)
    daemon.wait_until("huge answers", lambda: aws.struck(fault) >= 4, 30)
    assert resident() - before < 64 << 20
    assert daemon.status()["phase"] in ("healthy", "degraded")


@pytest.mark.parametrize(("action", "step"), [
    ("ChangeResourceRecordSets", "shift-traffic"), ("PromoteReadReplica", "promote-replica")])
def test_access_denied_in_the_middle_is_stuck_with_a_way_out(
    world: World, aws: Control, start, action: str, step: str
) -> None:
    """F46."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault("denied", action=action)
    world.break_primary()
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 60)
    assert workload["stuck"]["step"] == step and workload["phase"] == "failing-over"
    assert any("retry" in way for way in workload["stuck"]["wayOut"])
    assert workload["incident"]["standing"] == "stuck"
    tried = aws.struck(fault)
    daemon.stays(lambda: daemon.status()["stuck"] is not None, 4)
    assert aws.struck(fault) == tried, "it must not be tried again blindly"
    assert "not authorized" in daemon.explain() or "AccessDenied" in daemon.explain()
    aws.lift(fault)
    daemon.order("retry", reason="the policy was mended", expect=DONE)
    daemon.until_phase("dr-active")
    assert_failed_over(world, secret)


def test_a_stuck_step_can_be_skipped(world: World, aws: Control, start) -> None:
    daemon = start(world)
    aws.fault("denied", action="ChangeResourceRecordSets")
    world.break_primary()
    daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 60)
    daemon.order("skip", "--step", "shift-traffic", reason="moved by hand", expect=DONE)
    daemon.until_phase("dr-active")
    assert_promoted_once(world)


@pytest.mark.slow
def test_a_primary_region_that_answers_slowly_does_not_hold_the_failover_up(world: World, aws: Control, start) -> None:
    daemon = start(world)
    aws.fault("latency", region="eu-west-1", seconds=20)
    # The gate waits for the API's word twice, before the fence and after it gave up: 15 s each, and the fence's own bound.
    fail_over(world, daemon, 180)
    assert world.promotions() == [REPLICA]


def test_a_skewed_clock_is_learnt_from_the_date_header(world: World, aws: Control, start) -> None:
    aws.configure(clock_offset=1200)
    try:
        daemon = start(world, arm=False)
        # It says so, and is ready but for that.
        daemon.until(
            "the clock alone is wrong",
            lambda workload: [one for one in workload["armed"]["reasons"] if "clock" in one] == workload["armed"]["reasons"]
            != [], 15)
        aws.region_dead("eu-west-1")
        world.primary.alb.mode = "refused"
        # Our own clients sign by the true clock and would be refused: the daemon alone must find the way.
        daemon.until_phase("dr-active", 60)
    finally:
        aws.configure(clock_offset=0)
    assert world.promotions() == [REPLICA]
