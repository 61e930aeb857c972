"""What a step of a failover waits for, for however long: it is told, nothing is done twice, and no user is led to what does not
serve."""

from __future__ import annotations

import re

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_promoted_once, fail_over
from daemon import PATIENCE, REFUSED, Daemon, pass_time
from world import DR, GROUP, PRIMARY, REPLICA, SERVING, World

NO_CAPACITY = "We currently do not have sufficient t3.micro capacity."


def until_running(daemon: Daemon, step: str) -> None:
    daemon.wait_until(f"{step} runs", lambda: daemon.steps().get(step) == "running", 40)


def page(daemon: Daemon) -> str:
    """What an operator reads who does not read the log."""
    return daemon.ctl("status").stdout + daemon.explain()


def until_logged(daemon: Daemon, *words: str) -> None:
    """One line has all of them."""
    daemon.wait_until(f"a line with {words}", lambda: any(
        all(word in line for word in words) for line in daemon.log().splitlines()), 20)


def until_paged(world: World, daemon: Daemon, kind: str, *words: str) -> None:
    """Somebody is called, and told these words."""
    daemon.wait_until(f"a page {kind} with {words}", lambda: any(
        f"/{kind}" in told and all(word in told for word in words) for told in world.announcements()), 20)


def assert_waits(world: World, daemon: Daemon, step: str) -> None:
    """It goes on being watched at that step, under its name, and users stay where they are."""
    daemon.stays(lambda: daemon.steps()[step] == "running" and world.serving() == "primary", 3)
    workload = daemon.status()
    assert workload["phase"] == "failing-over" and workload["stuck"] is None, workload
    assert f"{step} is running" in daemon.explain()


# Waiting for the cloud


def test_a_promotion_that_does_not_end_is_watched_and_paged_and_no_traffic_moves(
    world: World, aws: Control, start
) -> None:
    """F31: `modifying` far beyond what a promotion takes."""
    daemon = start(world, page={"topic": world.topic})
    secret = world.secret(world.dr)
    aws.configure(promote_modifying=15 * PATIENCE)
    world.break_primary()
    daemon.wait_until("the promotion", lambda: world.promotions() == [REPLICA], 40)
    pass_time(daemon, 30)
    until_logged(daemon, "promote-replica still running after 30 min", "(forecast 7 min 30 s)", f"{REPLICA} is modifying")
    until_logged(daemon, "CRITICAL", "the RTO of 30 min can no longer be met")
    until_paged(world, daemon, "stillRunning/promote-replica", f"{REPLICA} is modifying")
    until_paged(world, daemon, "rtoAtRisk", "the RTO of 30 min can no longer be met")
    assert_waits(world, daemon, "promote-replica")
    assert not world.changes("ChangeResourceRecordSets")
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    assert len(world.changes("PromoteReadReplica")) == 1


def test_an_application_that_refuses_connections_for_minutes_after_the_promotion_gets_no_traffic(
    world: World, start
) -> None:
    """F32."""
    daemon = start(world)
    secret = world.secret(world.dr)
    world.dr.alb.mode = "refused"
    world.break_primary()
    until_running(daemon, "verify-dr-application")
    pass_time(daemon, 10)
    until_logged(daemon, "verify-dr-application still running after 10 min", "the dr load balancer does not serve yet")
    assert_waits(world, daemon, "verify-dr-application")
    assert not world.changes("ChangeResourceRecordSets")
    world.dr.alb.mode = "ok"
    daemon.until_phase("dr-active", 40)
    assert_failed_over(world, secret)


def test_no_capacity_for_long_is_paged_and_the_promotion_does_not_wait_for_it(
    world: World, aws: Control, start
) -> None:
    """F40."""
    aws.launch_failure(DR, GROUP, NO_CAPACITY, delay=1)
    daemon = start(world, page={"topic": world.topic})
    secret = world.secret(world.dr)
    world.break_primary()
    until_running(daemon, "verify-dr-targets")
    assert_promoted_once(world)
    assert world.sizes(world.dr) == SERVING and world.in_service(world.dr) == 0
    pass_time(daemon, 30)
    until_logged(daemon, "verify-dr-targets still running after 30 min", "0 healthy", "1 needed")
    until_logged(daemon, "CRITICAL", "the RTO of 30 min can no longer be met")
    until_paged(world, daemon, "stillRunning/verify-dr-targets", "0 healthy")
    until_paged(world, daemon, "rtoAtRisk", "the RTO of 30 min can no longer be met")
    assert_waits(world, daemon, "verify-dr-targets")
    aws.launch_failure(DR, GROUP, None)
    daemon.until_phase("dr-active", 40)
    assert_failed_over(world, secret)
    assert len(world.changes("UpdateAutoScalingGroup")) == 2, "one for each region: asking again brings no capacity"


def test_why_there_is_no_capacity_is_told_while_the_run_waits_for_it(world: World, aws: Control, start) -> None:
    """F40: the group's scaling activities know; they fail some seconds after the group was resized."""
    aws.launch_failure(DR, GROUP, NO_CAPACITY, delay=2)
    daemon = start(world)
    world.break_primary()
    until_running(daemon, "verify-dr-targets")
    daemon.wait_until("the reason", lambda: NO_CAPACITY in page(daemon), 8)


@pytest.mark.parametrize(("step", "found"), [
    ("promote-replica", f"{REPLICA} is modifying"), ("verify-dr-targets", "2 unhealthy, 0 other target(s); 1 needed"),
], ids=["promote-replica", "verify-dr-targets"])
def test_what_a_step_found_when_it_last_looked_is_shown(
    world: World, aws: Control, start, step: str, found: str
) -> None:
    """F31, F41: not what it waits for in general, but what it sees."""
    daemon = start(world)
    aws.configure(promote_modifying=10 * PATIENCE if step == "promote-replica" else 0.3)
    aws.targets(world.dr.target_group, "unhealthy")
    world.break_primary()
    until_running(daemon, step)
    daemon.wait_until("what it found", lambda: found in page(daemon), 6)


def test_by_how_much_the_rto_is_missed_is_told_after_the_promotion_too(world: World, start) -> None:
    """F40: the catalog sends the reader of the page there."""
    daemon = start(world)
    world.dr.alb.mode = "refused"
    world.break_primary()
    until_running(daemon, "verify-dr-application")
    pass_time(daemon, 30)
    until_logged(daemon, "CRITICAL", "the RTO of 30 min can no longer be met")
    daemon.wait_until("it is told", lambda: "RTO of 30 min will be missed" in daemon.explain(), 3)


def test_capacity_below_the_accepted_minimum_is_not_enough(world: World, aws: Control, start) -> None:
    """F39: one instance of two that are needed, until the other comes."""
    aws.launch_failure(DR, GROUP, NO_CAPACITY, limit=1)
    daemon = start(world, **{"dr.group.acceptMinimum": 2})
    secret = world.secret(world.dr)
    world.break_primary()
    until_running(daemon, "verify-dr-targets")
    daemon.wait_until("one instance", lambda: world.in_service(world.dr) == 1, 10)
    assert_waits(world, daemon, "verify-dr-targets")
    assert "2 target(s) are healthy" in daemon.explain()
    assert NO_CAPACITY in page(daemon)
    aws.launch_failure(DR, GROUP, None)
    daemon.until_phase("dr-active", 40)
    assert_failed_over(world, secret)
    assert world.in_service(world.dr) == 2


def test_targets_that_never_become_healthy_get_no_traffic_and_are_counted(world: World, aws: Control, start) -> None:
    """F41: after the promotion there is no way back, so it goes on being watched; what it waits for is said."""
    aws.targets(world.dr.target_group, "unhealthy")
    daemon = start(world)
    secret = world.secret(world.dr)
    world.break_primary()
    until_running(daemon, "verify-dr-targets")
    pass_time(daemon, 10)
    until_logged(daemon, "verify-dr-targets still running after 10 min", "0 healthy, 2 unhealthy", "1 needed")
    assert_waits(world, daemon, "verify-dr-targets")
    assert f"wait until 1 target(s) are healthy in {DR}" in daemon.explain()
    assert "forward" in daemon.order("abort", expect=REFUSED) and not world.changes("ChangeResourceRecordSets")
    aws.targets(world.dr.target_group, "healthy")
    daemon.until_phase("dr-active", 40)
    assert_failed_over(world, secret)


@pytest.mark.parametrize("fault", [
    {"kind": "error", "service": "route53", "status": 503}, {"kind": "black-hole", "region": "us-east-1"},
], ids=lambda fault: fault["kind"])
def test_a_switch_moves_users_without_the_control_plane_of_route_53(aws: Control, start, fault: dict) -> None:
    """F42: nor anything else of its region."""
    world = World(aws, traffic="switch")
    try:
        daemon = start(world)
        secret = world.secret(world.dr)
        aws.fault(**fault)
        fail_over(world, daemon)
        aws.lift()
        assert_failed_over(world, secret)
        assert not [call for call in aws.calls(since=world.built) if call["service"] == "route53"]
    finally:
        world.close()


def test_a_record_change_that_stays_pending_is_waited_for_and_not_repeated(world: World, aws: Control, start) -> None:
    """F43: not for its length."""
    daemon = start(world, page={"topic": world.topic})
    secret = world.secret(world.dr)
    aws.configure(route53=15 * PATIENCE)
    world.break_primary()
    daemon.wait_until("the change", lambda: world.serving() == "dr", 40)
    pass_time(daemon, 30)
    until_logged(daemon, "shift-traffic still running after 30 min", "is not in sync yet")
    assert re.search(r"the change \S+ is not in sync yet", daemon.log()), daemon.account()
    until_logged(daemon, "CRITICAL", "the RTO of 30 min can no longer be met")
    until_paged(world, daemon, "stillRunning/shift-traffic", "not in sync yet")
    until_paged(world, daemon, "rtoAtRisk", "the RTO of 30 min can no longer be met")
    daemon.stays(lambda: daemon.steps()["shift-traffic"] == "running", 3)
    assert "shift-traffic is running" in daemon.explain()
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    assert len(world.changes("ChangeResourceRecordSets")) == 1


@pytest.mark.parametrize("end", ["lost", "killed"])
def test_a_record_change_whose_answer_was_lost_is_waited_for_all_the_same(world: World, aws: Control, start, end: str) -> None:
    """F43, F79: Route 53 lists records as they were written; only the change itself tells when its name servers have them."""
    daemon = start(world)
    secret = world.secret(world.dr)
    aws.configure(route53=8)
    fault = aws.fault("lost-answer" if end == "lost" else "hold-answer", action="ChangeResourceRecordSets", count=1)
    world.break_primary()
    daemon.wait_until("the change", lambda: aws.struck(fault) >= 1, 40)
    daemon.wait_until("it is written", lambda: world.serving() == "dr", 10)
    if end == "killed":
        daemon.kill()
        aws.lift(fault)
        daemon.start()
    daemon.wait_until("the change is looked after", lambda: aws.calls(since=world.built, action="GetChange"), 30)
    assert daemon.steps()["shift-traffic"] == "running"
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    asked = world.changes("ChangeResourceRecordSets")
    assert 2 <= len(asked) <= 3 and len({str(call["params"]) for call in asked}) == 1, asked


# SIGKILL at a step


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
def test_a_kill_in_the_fence_ends_in_a_fenced_primary(world: World, aws: Control, start, kind: str) -> None:
    """F75: before the request arrived, and after it was carried out."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault(kind, region=PRIMARY, action="UpdateAutoScalingGroup")
    world.break_primary()
    daemon.wait_until("the fence is asked for", lambda: aws.struck(fault) >= 1, 40)
    assert world.promotions() == []
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    assert daemon.status()["debts"] == []
    accepted = [call for call in world.changes("UpdateAutoScalingGroup") if call["status"] == 200]
    assert sorted(call["region"] for call in accepted) == [PRIMARY, DR]


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
def test_a_kill_while_the_switch_is_put_moves_users_once(aws: Control, start, kind: str) -> None:
    """F79, with a switch object; test_crashes.py does it with records."""
    world = World(aws, traffic="switch")
    try:
        daemon = start(world)
        secret = world.secret(world.dr)
        fault = aws.fault(kind, action="PutObject")
        world.break_primary()
        daemon.wait_until("the switch is put", lambda: aws.struck(fault) >= 1, 40)
        daemon.kill()
        aws.lift(fault)
        daemon.start()
        daemon.until_phase("dr-active", 60)
        assert_failed_over(world, secret)
        assert len([call for call in world.changes("PutObject") if call["status"] == 200]) == 1
    finally:
        world.close()


@pytest.mark.parametrize("step", ["verify-dr-targets", "verify-dr-application"])
def test_a_kill_while_it_verifies_changes_nothing_and_verifies_again(
    world: World, aws: Control, start, step: str
) -> None:
    """F80."""
    aws.targets(world.dr.target_group, "initial" if step == "verify-dr-targets" else "healthy")
    daemon = start(world)
    secret = world.secret(world.dr)
    world.dr.alb.mode = "ok" if step == "verify-dr-targets" else "503"
    world.break_primary()
    until_running(daemon, step)
    before = world.changes()
    daemon.kill()
    daemon.start()
    assert_waits(world, daemon, step)
    assert world.changes() == before
    aws.targets(world.dr.target_group, "healthy")
    world.dr.alb.mode = "ok"
    daemon.until_phase("dr-active", 40)
    assert_failed_over(world, secret)
