"""An Aurora global database: the whole cycle, and what it holds for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aurora import FAIL_OVER, SWITCH_OVER, THIRD, AuroraWorld, arn
from aws.client import Control
from checks import (
    assert_failed_over, assert_home, assert_only_promoted, assert_order, assert_promoted_once, assert_untouched, fail_over,
    gate_asks, promoting, seen_up)
from daemon import DONE, PATIENCE, REFUSED, Daemon, pass_time
from fence_support import GROUP_STEP, STOP_BOUND, lines, owed
from live_check import NOT_READY, READY, Check
from settings import WORKLOAD
from world import DATABASE, DR, PRIMARY, REPLICA, SERVING, STANDBY

DEMOTED_STEP = "await-old-primary"
REPLICATION_LAG = "AuroraGlobalDBReplicationLag"


def moves(world: AuroraWorld) -> list[tuple[str, str]]:
    """Region and action of each promotion that was accepted."""
    return [(call["region"], call["action"]) for call in promoting(world)]


def go_home(daemon: Daemon) -> None:
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("healthy", 150)


# The ways


def test_a_dead_application_ends_in_dr_active_and_the_way_home_is_a_switchover(aurora: AuroraWorld, start) -> None:
    daemon = start(aurora)
    secrets = aurora.secret(aurora.dr), aurora.secret(aurora.primary)
    assert_untouched(aurora)
    fail_over(aurora, daemon)
    assert_failed_over(aurora, secrets[0])
    assert_only_promoted(aurora)
    assert_order(aurora, "UpdateAutoScalingGroup", FAIL_OVER, "ChangeResourceRecordSets", "Publish")
    assert_order(aurora, "PutSecretValue", FAIL_OVER)
    (call,) = aurora.changes(FAIL_OVER)
    assert call["params"]["TargetDbClusterIdentifier"] == arn(DR, REPLICA) and call["params"]["AllowDataLoss"] == "true"
    assert owed(daemon.status()) == [] and aurora.in_step(DATABASE)
    aurora.mend_primary()
    refused = daemon.order("failback", "--confirm", WORKLOAD, expect=REFUSED)
    assert "--loss-reviewed" in refused and f"rds:unplanned-global-failover-{DATABASE}-" in refused, refused
    daemon.order("ack", "--loss-reviewed")
    go_home(daemon)
    assert_home(aurora, secrets[1])
    assert moves(aurora) == [(DR, FAIL_OVER), (DR, SWITCH_OVER)]
    assert aurora.in_step(REPLICA) and daemon.status()["incident"] is None
    daemon.order("ack")
    daemon.armed()


@pytest.mark.slow
def test_a_region_that_is_gone_is_failed_over_and_the_old_primary_is_owed_until_it_is_a_reader(
    aurora: AuroraWorld, start
) -> None:
    """F20."""
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    fault = aurora.lose_primary_region()
    workload = daemon.until_phase("dr-active", 120)
    assert owed(workload) == [DEMOTED_STEP, GROUP_STEP], workload["debts"]
    assert moves(aurora) == [(DR, FAIL_OVER)]
    aurora.control.lift(fault)
    daemon.until("the group is fenced", lambda workload: owed(workload) == [DEMOTED_STEP], 75)
    assert_failed_over(aurora, secret)
    assert not aurora.in_step(DATABASE)
    refused = daemon.order("ack", "--loss-reviewed", expect=REFUSED)
    assert DEMOTED_STEP in refused, refused
    daemon.order("failback", "--confirm", WORKLOAD, expect=REFUSED)
    daemon.kill()
    daemon.start()
    assert owed(daemon.status()) == [DEMOTED_STEP]
    aurora.mend_primary()
    daemon.until("nothing is owed", lambda workload: owed(workload) == [], 75)
    assert aurora.in_step(DATABASE) and len(aurora.rescued()) == 1
    daemon.order("ack", "--loss-reviewed")
    assert moves(aurora) == [(DR, FAIL_OVER)]


@pytest.mark.parametrize("quirk", ["forgets_lost_primary", "operation_lingers"])
@pytest.mark.slow
def test_what_is_not_documented_of_a_failover_changes_nothing(aurora: AuroraWorld, start, quirk: str) -> None:
    """The old primary may be no member while its region is gone; FailoverState may outlast the promotion."""
    aurora.control.configure(**{quirk: 6})
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    fault = aurora.lose_primary_region()
    daemon.until_phase("dr-active", 120)
    aurora.control.lift(fault)
    aurora.mend_primary()
    daemon.until("nothing is owed", lambda workload: owed(workload) == [], 75)
    assert_failed_over(aurora, secret)


def test_a_switchover_loses_nothing_and_holds_writes_no_longer_than_it_must(aurora: AuroraWorld, start) -> None:
    daemon = start(aurora)
    secrets = aurora.secret(aurora.primary), aurora.secret(aurora.dr)
    plan = daemon.ctl("plan", "switchover").stdout
    assert plan.index("hold-writes") < plan.index("promote-replica") and "drain" not in plan, plan
    assert "now: would ask rds:SwitchoverGlobalCluster: " in plan, plan
    assert "now: would ask rds:FailoverGlobalCluster: " in daemon.ctl("plan", "failover").stdout
    aurora.control.configure(switching_over=2 * PATIENCE)
    daemon.order("switchover", "--confirm", WORKLOAD)
    daemon.wait_until("writes are held", lambda: aurora.writes_held(aurora.primary), 60)
    workload = daemon.until_phase("dr-active", 90)
    assert_failed_over(aurora, secrets[1])
    assert_only_promoted(aurora)
    assert_order(aurora, "CreateRule", SWITCH_OVER, "DeleteRule")
    assert moves(aurora) == [(PRIMARY, SWITCH_OVER)]
    assert not aurora.writes_held(aurora.primary) and aurora.rescued() == []
    assert workload["lost"]["seconds"] == 0 and workload["lost"]["reviewedBy"], workload["lost"]
    go_home(daemon)
    assert_home(aurora, secrets[0])
    assert moves(aurora) == [(PRIMARY, SWITCH_OVER), (DR, SWITCH_OVER)]


def test_without_secrets_an_application_follows_the_global_writer_endpoint(aurora: AuroraWorld, start) -> None:
    daemon = start(aurora, **{"primary.secret": None, "dr.secret": None})
    secrets = aurora.secret(aurora.primary), aurora.secret(aurora.dr)
    fail_over(aurora, daemon)
    assert moves(aurora) == [(DR, FAIL_OVER)] and aurora.serving() == "dr"
    aurora.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    go_home(daemon)
    assert (aurora.secret(aurora.primary), aurora.secret(aurora.dr)) == secrets
    assert moves(aurora) == [(DR, FAIL_OVER), (DR, SWITCH_OVER)] and aurora.serving() == "primary"


def test_a_rebuild_that_takes_long_holds_no_user_up_and_the_way_home_waits_for_it(
    aurora: AuroraWorld, aws: Control, start
) -> None:
    """Minutes of it pass in a moment. Who answers for the old primary may begin, and goes no further than is safe."""
    daemon = start(aurora)
    secret = aurora.secret(aurora.primary)
    aws.region_dead(PRIMARY)
    aurora.break_primary()
    daemon.wait_until("all else is done", lambda: daemon.steps().get("announce") == "done", 60)
    assert aurora.serving() == "dr" and daemon.steps()[DEMOTED_STEP] == "running"
    pass_time(daemon, STOP_BOUND)
    workload = daemon.until_phase("dr-active", 60)
    assert owed(workload) == [DEMOTED_STEP], workload["debts"]
    page = daemon.ctl("status").stdout
    assert f"cluster {DATABASE} in {PRIMARY}" in page and "pending-resync" in page, page
    daemon.order("skip", "--step", DEMOTED_STEP, reason="nobody can reach it")
    daemon.order("ack", "--loss-reviewed")
    aurora.mend_primary_application()
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.wait_until("it waits", lambda: daemon.steps().get(DEMOTED_STEP) == "running", 20)
    daemon.stays(lambda: daemon.steps()[DEMOTED_STEP] == "running" and moves(aurora) == [(DR, FAIL_OVER)], 4)
    aws.region_dead(PRIMARY, dead=False)
    daemon.until_phase("healthy", 150)
    assert_home(aurora, secret)


def test_an_old_primary_that_somebody_makes_the_writer_again_is_owed_anew(aurora: AuroraWorld, start) -> None:
    """Whoever was away looks at once."""
    daemon = start(aurora)
    fail_over(aurora, daemon)
    assert owed(daemon.status()) == []
    aurora.switch_over_by_hand(back=True)
    daemon.kill()
    daemon.start()
    daemon.until("it is owed", lambda workload: owed(workload) == [DEMOTED_STEP], 40)
    assert lines(daemon, "is fenced no more", "is the writer of")
    assert moves(aurora) == [(DR, FAIL_OVER), (DR, SWITCH_OVER)], "the second was a hand's"
    aurora.switch_over_by_hand()
    daemon.until("nothing is owed", lambda workload: owed(workload) == [], 75)
    assert daemon.status()["phase"] == "dr-active"


# What it does not do


def test_a_headless_cluster_is_not_armed_and_not_promoted(aurora: AuroraWorld, start, tmp_path: Path) -> None:
    aurora.remove_instance(DR, REPLICA)
    aurora.built = aurora.control.mark()
    check = Check(Daemon(aurora, tmp_path), NOT_READY)
    assert check.items["database"][0] == "NOT READY" and "no DB instance" in check.items["database"][1], check.text
    daemon = start(aurora, arm=False)
    daemon.until("it says so", lambda workload: "no DB instance" in " ".join(workload["armed"]["reasons"]), 20)
    aurora.break_primary()
    daemon.until("down", lambda workload: workload["assessment"]["verdict"] == "down", 15)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded", 4)
    refused = daemon.order("failover", "--confirm", WORKLOAD, expect=REFUSED)
    assert "no DB instance" in refused, refused
    assert_untouched(aurora)


def test_a_cluster_that_loses_its_instances_in_the_run_is_promoted_once_it_has_one(aurora: AuroraWorld, start) -> None:
    daemon = start(aurora, mode="approve")
    secret = aurora.secret(aurora.dr)
    aurora.break_primary()
    gate_asks(daemon)
    aurora.remove_instance(DR, REPLICA)
    daemon.order("approve")
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 30)
    assert workload["stuck"]["step"] == "promote-replica" and "add one" in daemon.explain(), daemon.explain()
    assert promoting(aurora) == []
    aurora.add_instance(DR, REPLICA)
    daemon.order("retry")
    daemon.until_phase("dr-active")
    assert aurora.promotions() == [REPLICA] and aurora.serving() == "dr" and aurora.secret(aurora.dr) != secret


def test_clusters_of_two_versions_are_not_ready_and_a_failover_tells_the_way_out(
    aurora: AuroraWorld, start, tmp_path: Path
) -> None:
    """Aurora refuses; somebody detaches the cluster, which the step sees."""
    assert Check(Daemon(aurora, tmp_path), READY).items["database"][0] == "ready"
    aurora.control.cluster(DR, REPLICA, engineVersion="16.6")
    check = Check(Daemon(aurora, tmp_path), NOT_READY)
    assert check.words("NOT READY") == ["database"] and "16.6" in check.items["database"][1], check.text
    daemon = seen_up(start(aurora, arm=False))
    daemon.until("it says so", lambda workload: "16.6" in " ".join(workload["armed"]["reasons"]), 20)
    aurora.break_primary()
    daemon.wait_until("it is refused", lambda: aurora.changes(FAIL_OVER), 40)
    daemon.wait_until("the way out", lambda: "aws rds remove-from-global-cluster" in daemon.explain(), 30)
    daemon.stays(lambda: aurora.serving() == "primary" and daemon.status()["stuck"] is None, 3)
    aurora.detach_by_hand()
    daemon.wait_until("the DR region serves", lambda: aurora.serving() == "dr", 60)
    assert promoting(aurora) == []


def test_permissions_on_all_three_resources_are_looked_at(aurora: AuroraWorld, tmp_path: Path) -> None:
    aurora.control.ask("POST", "simulate", {"denied": ["rds:FailoverGlobalCluster"]})
    check = Check(Daemon(aurora, tmp_path), NOT_READY)
    assert "rds:FailoverGlobalCluster" in check.items["permissions"][1], check.text
    asked = aurora.control.calls(since=aurora.built, action="SimulatePrincipalPolicy")
    named = {value for call in asked for name, value in call["params"].items() if name.startswith("ResourceArns")}
    assert {arn(PRIMARY, DATABASE), arn(DR, REPLICA)} <= named, named
    assert any(one.startswith("arn:aws:rds::") and ":global-cluster:" in one for one in named), named


def test_an_instance_of_a_cluster_is_not_taken_for_a_replica(aurora: AuroraWorld, tmp_path: Path) -> None:
    check = Check(Daemon(aurora, tmp_path, {"globalDatabase": None, "dr.database.id": f"{REPLICA}-1"}), NOT_READY)
    assert "globalDatabase" in check.items["database"][1], check.text


def test_another_region_that_somebody_made_the_writer_is_left_alone(aurora: AuroraWorld, start) -> None:
    aurora.add_cluster(THIRD, "third")
    daemon = start(aurora)
    aurora.fail_over_by_hand(THIRD, "third")
    aurora.built = aurora.control.mark()
    # Not before it is the writer: what is under way may still be given up.
    seen = f"cluster {REPLICA} follows arn:aws:rds:{THIRD}:"
    daemon.until("it is seen", lambda workload: seen in " ".join(workload["armed"]["reasons"]), 30)
    aurora.break_primary()
    daemon.until("down", lambda workload: workload["assessment"]["verdict"] == "down", 15)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded", 4)
    daemon.order("failover", "--confirm", WORKLOAD, expect=REFUSED)
    assert_untouched(aurora)


@pytest.mark.parametrize("way", ["fail_over_by_hand", "detach_by_hand"])
@pytest.mark.slow
def test_what_somebody_promoted_by_hand_starts_no_run_and_an_order_finishes_it(
    aurora: AuroraWorld, start, way: str
) -> None:
    daemon = start(aurora)
    secret = aurora.secret(aurora.dr)
    getattr(aurora, way)()
    aurora.built = aurora.control.mark()
    daemon.until("it is seen", lambda workload: not workload["armed"]["ok"], 20)
    aurora.break_primary()
    daemon.until("down", lambda workload: workload["assessment"]["verdict"] == "down", 15)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded" and aurora.changes() == [], 4)
    daemon.order("failover", "--confirm", WORKLOAD, expect=DONE)
    daemon.until_phase("dr-active", 180)
    assert promoting(aurora) == [] and aurora.serving() == "dr"
    assert aurora.sizes(aurora.dr) == SERVING and aurora.sizes(aurora.primary) == STANDBY
    assert aurora.secret(aurora.dr) == {**secret, "host": aurora.address(DR, REPLICA)}
    assert owed(daemon.status()) == ([] if way == "fail_over_by_hand" else [DEMOTED_STEP]), daemon.status()["debts"]


# Lag


@pytest.mark.parametrize("script", [
    {"mode": "minus-one"}, {"mode": "absent"}, {"mode": "stale", "age": 600, "seconds": 1},
    {"mode": "constant", "seconds": 900},
], ids=lambda script: script["mode"])
def test_a_lag_that_is_not_known_or_too_high_asks(aurora: AuroraWorld, aws: Control, start, script: dict) -> None:
    """F34, F35, F37."""
    aws.lag(DR, REPLICA, **script)
    daemon = seen_up(start(aurora, arm=False))
    aurora.break_primary()
    gate_asks(daemon)
    daemon.stays(lambda: promoting(aurora) == [] and aurora.serving() == "primary", 3)
    daemon.order("approve", "--accept-data-loss")
    daemon.until_phase("dr-active")
    assert_promoted_once(aurora)


@pytest.mark.parametrize(("settings", "script"), [
    ({}, {}), ({"lag_source_region": False}, {}), ({}, {"metric": REPLICATION_LAG}),
    ({"lag_source_region": False}, {"metric": REPLICATION_LAG}),
], ids=["rpo", "rpo-plain", "replication", "replication-plain"])
def test_the_lag_is_read_in_milliseconds_in_whatever_series_it_is(
    aurora: AuroraWorld, aws: Control, start, settings: dict[str, Any], script: dict[str, Any]
) -> None:
    aws.configure(**settings)
    aws.lag(DR, REPLICA, "constant", seconds=4, **script)
    daemon = start(aurora)
    lag = daemon.status()["lag"]
    assert lag["seconds"] == pytest.approx(4, abs=1), lag
