"""Moving to the DR region on purpose: nothing is lost, nothing is left behind, and until the promotion there is a way back."""

from __future__ import annotations

import json

import pytest

from aurora import BOTH_KINDS
from aws.client import Control
from checks import assert_failed_over, assert_home, assert_nothing_deleted, assert_order, assert_promoted_once
from daemon import DONE, REFUSED, Daemon, pass_time
from fence_support import lines, remove_rule
from settings import WORKLOAD
from world import DATABASE, REPLICA, SERVING, STANDBY, World


def switch_over(daemon: Daemon) -> None:
    daemon.armed()
    daemon.order("switchover", "--confirm", WORKLOAD)


def test_a_switchover_loses_nothing_and_the_way_home_needs_no_review(world: World, start) -> None:
    daemon = start(world)
    secrets = world.secret(world.primary), world.secret(world.dr)
    plan = daemon.ctl("plan", "switchover").stdout
    assert plan.index("hold-writes") < plan.index("drain") < plan.index("promote-replica"), plan
    switch_over(daemon)
    daemon.wait_until("writes are held", lambda: world.writes_held(world.primary), 60)
    workload = daemon.until_phase("dr-active", 90)
    assert_failed_over(world, secrets[1])
    assert_order(world, "CreateRule", "PromoteReadReplica", "DeleteRule")
    assert world.sizes(world.primary) == STANDBY and not world.writes_held(world.primary)
    assert workload["lost"]["seconds"] == 0 and workload["lost"]["reviewedBy"], workload["lost"]
    page = daemon.ctl("report").stdout
    assert page.startswith(f"# Switchover of {WORKLOAD}: ") and "nothing that was written" in page, page
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("healthy", 150)
    assert_home(world, secrets[0])
    assert_nothing_deleted(world)


@BOTH_KINDS
def test_until_the_promotion_it_can_be_taken_back(world: World, aws: Control, start) -> None:
    daemon = start(world)
    aws.fault("error", action="GetMetricData", status=500)
    switch_over(daemon)
    daemon.until("it waits for the replica", lambda workload: any(
        step["name"] == "await-replication" and step["state"] == "running" for step in workload["incident"]["steps"]), 40)
    daemon.order("abort")
    daemon.until_phase("healthy", 40)
    assert world.promotions() == [] and world.sizes(world.dr) == STANDBY and world.sizes(world.primary) == SERVING


def test_a_primary_of_which_only_we_see_that_it_fails_is_waited_for_and_told(world: World, aws: Control, start) -> None:
    daemon = start(world, page={"topic": world.topic}, **{"detection.corroborate": "all"})
    fault = aws.fault("error", action="GetMetricData", status=500)
    switch_over(daemon)
    daemon.wait_until("it waits for the replica", lambda: daemon.steps().get("await-replication") == "running", 40)
    aws.targets(world.primary.target_group, "healthy")
    world.primary.alb.mode = "503"
    daemon.until("it is seen", lambda workload: workload["assessment"]["verdict"] == "down", 20)
    aws.lift(fault)
    daemon.wait_until("it is told", lambda: "the primary is not seen serving" in daemon.explain(), 20)
    pass_time(daemon, 5)
    daemon.wait_until("somebody is called", lambda: any(
        "/stillRunning/hold-writes" in page and "`abort` takes the switchover back" in page for page in world.announcements()), 20)
    daemon.stays(lambda: daemon.steps()["hold-writes"] == "running" and not world.changes("CreateRule"), 3)
    world.primary.alb.mode = "ok"
    daemon.until_phase("dr-active", 90)
    assert_promoted_once(world)


def test_nothing_is_promoted_before_requests_under_way_may_have_ended(world: World, start) -> None:
    daemon = start(world, **{"failback.longestRequest": "12s"})
    switch_over(daemon)
    daemon.until_phase("dr-active", 90)
    (held,), (promoted,) = world.changes("CreateRule"), world.changes("PromoteReadReplica")
    assert promoted["at"] - held["at"] >= 12, (held, promoted)


@BOTH_KINDS
def test_a_primary_that_dies_under_it_is_failed_over(world: World, aws: Control, start) -> None:
    daemon = start(world)
    fault = aws.fault("error", action="GetMetricData", status=500)
    secret = world.secret(world.dr)
    switch_over(daemon)
    daemon.until("it waits for the replica", lambda workload: any(
        step["name"] == "await-replication" and step["state"] == "running" for step in workload["incident"]["steps"]), 40)
    world.break_primary()
    daemon.until("it is taken back", lambda workload: workload["incident"] and workload["incident"]["kind"] == "failover", 40)
    aws.lift(fault)
    daemon.until_phase("dr-active", 90)
    assert_failed_over(world, secret)
    assert_promoted_once(world)


def test_it_is_refused_where_something_is_not_in_order(world: World, start) -> None:
    daemon = start(world)
    unnamed = daemon.ctl("switchover", WORKLOAD, "--reason", "test")
    assert unnamed.returncode != DONE
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    refused = daemon.ctl("switchover", WORKLOAD, "--reason", "test", "--confirm", WORKLOAD)
    assert refused.returncode == REFUSED and "`failback` is the way home" in refused.stdout + refused.stderr
    assert world.promotions() == [REPLICA] and DATABASE not in world.promotions()


@BOTH_KINDS
@pytest.mark.slow
def test_a_promotion_that_gets_no_answer_can_be_taken_back(world: World, aws: Control, start) -> None:
    """Users are told to wait all the time: whoever looks on must have a way out."""
    daemon = start(world)
    fault = aws.fault("black-hole", action=world.promotes[-1])
    switch_over(daemon)
    daemon.wait_until("it is asked for", lambda: aws.struck(fault) >= 1, 60)
    daemon.wait_until("it may be aborted", lambda: daemon.ctl(
        "abort", WORKLOAD, "--reason", "nothing comes of it").returncode == DONE, 150)
    daemon.until_phase("healthy", 60)
    assert world.promotions() == [] and not world.writes_held(world.primary)


@pytest.mark.parametrize("goes_back", [True, False], ids=["back", "forward"])
def test_where_users_wrote_behind_the_promotion_a_person_decides_where_they_go(
    world: World, start, goes_back: bool
) -> None:
    """Somebody opens the load balancer, for the DR region does not serve."""
    daemon = start(world, page={"topic": world.topic}, **{"decision.fenceListener": True})
    world.dr.alb.mode = "503"
    switch_over(daemon)
    daemon.wait_until("it waits for the DR region", lambda: daemon.steps().get("verify-dr-application") == "running", 90)
    daemon.order("abort", expect=REFUSED)
    remove_rule(world)
    daemon.wait_until("it is seen", lambda: lines(daemon, "CRITICAL", "the write hold is gone"), 20)
    daemon.wait_until("somebody is called", lambda: any(
        "oldPrimaryServes" in page and "`abort` goes back" in page for page in world.announcements()), 20)
    assert "behind the promotion" in daemon.explain(), daemon.explain()
    if goes_back:
        daemon.order("abort")
        daemon.until("it is taken back", lambda workload: workload["incident"] is None, 40)
        assert world.serving() == "primary" and world.sizes(world.dr) == STANDBY and world.sizes(world.primary) == SERVING
        daemon.until("it is not armed", lambda workload: "is not a replica" in " ".join(workload["armed"]["reasons"]), 40)
        return
    world.dr.alb.mode = "ok"
    daemon.until("it asks", lambda workload: workload["incident"]["asks"] == "shift-traffic", 40)
    assert world.serving() == "primary"
    daemon.order("approve")
    workload = daemon.until_phase("dr-active", 60)
    assert "behind the promotion" in workload["lost"]["what"] and workload["lost"]["reviewedBy"] is None, workload["lost"]
    assert workload["lost"]["left"]["arn"] and workload["lost"]["promoted"]["address"], workload["lost"]
    daemon.order("failback", "--confirm", WORKLOAD, expect=REFUSED)
