"""The whole cycle: watch, decide, fail over, run in DR, fail back."""

from __future__ import annotations

import json
import time

import pytest

from aws.client import Control
from checks import (
    assert_failed_over, assert_home, assert_nothing_deleted, assert_order, assert_promoted_once, assert_untouched,
    fail_over)
from daemon import DONE, PATIENCE, REFUSED, Daemon
from settings import WORKLOAD
from world import DATABASE, DR, GROUP, PRIMARY, REPLICA, SERVING, STANDBY, World

#: Degraded lasts until the outage is confirmed: long enough for somebody who looks again and again to see it.
SEEN = {"detection.confirmFor": f"{round(PATIENCE)}s"}


@pytest.mark.parametrize("traffic", ["cname", "alias", "weighted", "switch"])
def test_a_dead_primary_ends_in_dr_active(aws: Control, start, traffic: str) -> None:
    world = World(aws, traffic=traffic)
    try:
        daemon = start(world, **SEEN)
        secret = world.secret(world.dr)
        assert_untouched(world)
        world.break_primary()
        daemon.until_phase("degraded", 15)
        workload = daemon.until_phase("failing-over", 15)
        assert workload["commitDeadline"] is not None and workload["incident"]["kind"] == "failover"
        workload = daemon.until_phase("dr-active")
        assert daemon.phases == ["healthy", "degraded", "failing-over", "dr-active"]
        assert workload["armed"]["ok"] is False and workload["debts"] == []
        assert_failed_over(world, secret)
        shift = "PutObject" if traffic == "switch" else "ChangeResourceRecordSets"
        assert_order(world, "UpdateAutoScalingGroup", "PromoteReadReplica", shift, "Publish")
        assert_order(world, "PutSecretValue", "PromoteReadReplica")
    finally:
        world.close()


def assert_reported(daemon: Daemon) -> None:
    """The report of the failover that has just ended, for people and for programs."""
    page = daemon.ctl("report").stdout
    assert page.startswith(f"# Failover of {WORKLOAD}: ") and "**not reviewed**" in page, page
    report = json.loads(daemon.ctl("report", "--json").stdout)
    assert report["recovery"]["met"] and 0 < report["recovery"]["seconds"] < 120, report["recovery"]
    assert report["loss"]["met"] and report["lost"]["reviewedBy"] is None, report
    assert [moment["what"] for moment in report["milestones"]][:3] == ["outage began", "noticed", "run begun"]
    steps = {step["step"]["name"]: step for step in report["steps"]}
    assert steps["promote-replica"]["attempts"] == 1 and steps["promote-replica"]["cloudSeconds"] > 0, steps
    assert daemon.ctl("report", "--incident", "nope").returncode != DONE


def test_failback_brings_everything_home_and_deletes_nothing(world: World, start) -> None:
    daemon = start(world, **SEEN)
    secret = world.secret(world.primary)
    fail_over(world, daemon)
    world.mend_primary()
    assert "not reviewed" in daemon.ctl("status").stdout
    assert_reported(daemon)
    refused = daemon.order("failback", "--confirm", WORKLOAD, expect=REFUSED)
    assert "--loss-reviewed" in refused and "may be missing from" in refused, refused
    daemon.order("ack", "--loss-reviewed")
    assert "not reviewed" not in daemon.ctl("status").stdout
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("failing-back", 10)
    daemon.until_phase("healthy", 120)
    assert daemon.phases == ["healthy", "degraded", "failing-over", "dr-active", "failing-back", "healthy"]
    assert_home(world, secret)
    assert_order(world, "CreateDBSnapshot", "ModifyDBInstance", "CreateDBInstanceReadReplica", "CreateRule")
    assert daemon.status()["incident"] is None


def test_databases_written_in_capitals_are_brought_home_too(world: World, start) -> None:
    """RDS keeps identifiers in lower case, and CloudWatch knows no other."""
    daemon = start(world, **{"primary.database.id": DATABASE.title(), "dr.database.id": REPLICA.title()})
    secret = world.secret(world.primary)
    fail_over(world, daemon)
    world.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("healthy", 120)
    assert_home(world, secret)


def test_after_a_failover_the_daemon_never_fails_back_by_itself(world: World, start) -> None:
    daemon = start(world)
    fail_over(world, daemon)
    before = len(world.changes())
    world.mend_primary()
    daemon.stays(lambda: daemon.status()["phase"] == "dr-active", 4)
    assert len(world.changes()) == before


def test_a_short_outage_leaves_the_cloud_untouched(world: World, start) -> None:
    daemon = start(world, **{"detection.confirmFor": "6s"})
    world.break_primary()
    daemon.until_phase("degraded", 5)
    time.sleep(2)
    world.mend_primary()
    daemon.until_phase("healthy", 10)
    daemon.stays(lambda: daemon.status()["phase"] == "healthy", 5)
    assert_untouched(world)


@pytest.mark.slow
def test_a_twenty_second_outage_with_a_minute_to_confirm_leaves_the_cloud_untouched(world: World, start) -> None:
    daemon = start(world, **{"detection.confirmFor": "60s"})
    world.break_primary("timeout")
    daemon.until_phase("degraded", 10)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded", 19)
    world.mend_primary()
    daemon.until_phase("healthy", 15)
    assert_untouched(world)


@pytest.mark.parametrize("mode", ["503", "timeout", "reset", "wrong-body", "302"])
def test_every_class_of_failure_that_counts_ends_in_a_failover(world: World, start, mode: str) -> None:
    """F3, F4, F5: timeout, reset, 5xx, wrong status and wrong content count as down."""
    daemon = start(world)
    world.break_primary(mode)
    daemon.until_phase("failing-over", 20)


def test_a_slow_primary_is_degraded_and_never_failed_over(world: World, start) -> None:
    """F6: slow is never alone a reason."""
    # A timeout would be another matter; it keeps its distance from what is merely slow.
    patient = f"{round(500 * PATIENCE)}ms"
    daemon = start(world, **{
        "primary.alb.slowAfter": "100ms", "primary.alb.timeout": patient, "primary.alb.interval": patient})
    world.primary.alb.slow_for = 0.25
    world.primary.alb.mode = "slow"
    world.control.targets(world.primary.target_group, "unhealthy")
    daemon.until_phase("degraded", 10)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded", 4)
    assert_untouched(world)


def test_the_same_outage_in_observe_mode_changes_nothing_and_says_so(world: World, start) -> None:
    daemon = start(world, arm=False, mode="observe")
    daemon.until("the primary is seen", lambda workload: workload["assessment"]["verdict"] == "up", 15)
    world.break_primary()
    daemon.until_phase("degraded", 10)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded", 5)
    assert_untouched(world)
    assert "observe" in daemon.explain()
    assert "would" in daemon.log().lower()
    assert any("observe" in reason for reason in daemon.status()["armed"]["reasons"])


def test_approve_mode_prepares_and_waits_for_a_person(world: World, start) -> None:
    daemon = start(world, mode="approve")
    secret = world.secret(world.dr)
    world.break_primary()
    daemon.until("the gate asks", lambda workload: (workload["incident"] or {}).get("standing") == "waiting", 20)
    daemon.wait_until("the DR group is prepared", lambda: world.sizes(world.dr) == SERVING, 10)
    daemon.stays(lambda: daemon.status()["phase"] == "failing-over", 3)
    assert world.promotions() == [] and world.serving() == "primary"
    assert "approve" in daemon.explain()
    daemon.order("approve", expect=DONE)
    daemon.until_phase("dr-active")
    assert_failed_over(world, secret)


@pytest.mark.parametrize("mode", ["automatic", "approve"])
def test_a_primary_that_returns_before_the_promotion_takes_the_run_back(
    world: World, aws: Control, start, mode: str
) -> None:
    """F27, before the one-way step."""
    if mode == "automatic":
        aws.lag(DR, REPLICA, "constant", seconds=900)
    daemon = start(world, arm=mode == "approve", mode=mode)
    if mode == "automatic":
        daemon.until("up", lambda workload: workload["assessment"]["verdict"] == "up", 15)
    secret = world.secret(world.dr)
    world.break_primary()
    daemon.until_phase("failing-over", 20)
    daemon.wait_until("the DR group is prepared", lambda: world.sizes(world.dr) == SERVING, 10)
    world.mend_primary()
    # A lag this high degrades by itself, so it is lowered for the way home.
    if mode == "automatic":
        aws.lag(DR, REPLICA, "constant", seconds=1)
    daemon.until_phase("healthy", 30)
    assert world.sizes(world.dr) == STANDBY
    assert world.secret(world.dr) == secret
    assert world.sizes(world.primary) == SERVING
    assert world.promotions() == [] and world.serving() == "primary"
    assert world.replicates(DR, REPLICA) == "django-app"


def test_a_primary_that_returns_after_the_promotion_changes_nothing_any_more(world: World, aws: Control, start) -> None:
    """F27, after the one-way step: forward, never back."""
    daemon = start(world)
    secret = world.secret(world.dr)
    aws.configure(promote_modifying=3)
    world.break_primary()
    daemon.wait_until("the promotion", lambda: world.promotions() == [REPLICA], 30)
    world.mend_primary()
    daemon.until_phase("dr-active")
    assert_failed_over(world, secret)


@pytest.mark.slow
def test_a_region_that_is_gone_completely_is_failed_over_from_the_other_one(world: World, start) -> None:
    """F20, with the fence debt that it leaves, and its payment when the region answers again."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = world.lose_primary_region()
    workload = daemon.until_phase("dr-active", 90)
    assert len(workload["debts"]) == 1 and PRIMARY in workload["debts"][0]["what"]
    assert "fence" in daemon.explain()
    assert daemon.ctl("status").returncode == DONE
    world.control.lift(fault)
    assert_failed_over(world, secret, fenced=False)
    daemon.until("the debt is paid", lambda workload: workload["debts"] == [], 60)
    assert world.sizes(world.primary) == STANDBY


def test_an_instance_short_of_capacity_is_enough_in_an_emergency(world: World, aws: Control, start) -> None:
    """F39: partial capacity above the accepted minimum."""
    aws.launch_failure(DR, GROUP, "We currently do not have sufficient t3.micro capacity.", limit=1)
    daemon = start(world)
    world.break_primary()
    daemon.until_phase("dr-active")
    assert world.in_service(world.dr) == 1 and world.sizes(world.dr) == SERVING
    assert_promoted_once(world)


def test_traffic_is_not_shifted_to_targets_that_are_not_healthy(world: World, aws: Control, start) -> None:
    """F41."""
    aws.targets(world.dr.target_group, "initial")
    daemon = start(world)
    world.break_primary()
    daemon.wait_until("the promotion", lambda: world.promotions() == [REPLICA], 40)
    daemon.stays(lambda: world.serving() == "primary" and daemon.status()["phase"] == "failing-over", 6)
    aws.targets(world.dr.target_group, "healthy")
    daemon.until_phase("dr-active", 40)
    assert world.serving() == "dr"


def test_traffic_is_not_shifted_to_an_application_that_does_not_answer(world: World, start) -> None:
    """F32."""
    daemon = start(world)
    world.dr.alb.mode = "503"
    world.break_primary()
    daemon.wait_until("the promotion", lambda: world.promotions() == [REPLICA], 40)
    daemon.stays(lambda: world.serving() == "primary" and daemon.status()["phase"] == "failing-over", 6)
    world.dr.alb.mode = "ok"
    daemon.until_phase("dr-active", 40)
    assert_nothing_deleted(world)


def test_a_setting_that_is_refused_keeps_nobody_from_coming_home(world: World, start, aws: Control) -> None:
    daemon = start(world, **SEEN)
    secret = world.secret(world.primary)
    fail_over(world, daemon)
    world.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    aws.fault("denied", action="AddTagsToResource")
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("failing-back", 10)
    daemon.until_phase("healthy", 120)
    assert_home(world, secret, settings=False)
    home = world.instance(PRIMARY, DATABASE)
    assert home["MultiAZ"] and home["DeletionProtection"] and not home["TagList"], home
    page = daemon.ctl("report").stdout
    assert "given up: " in page and "AddTagsToResource" in page, page
    assert "reinstate-settings is given up: " in daemon.log(), daemon.log()[-3000:]
