"""The fence around the old primary: group, load balancer and database, each closed, owed and paid for itself; none of
them holds the recovery up."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_home, assert_order, assert_promoted_once, fail_over
from daemon import BINARIES, DONE, PATIENCE, REFUSED, Daemon, pass_time
from fence_support import (
    ALL_OWED, BOUND, CALLS, DATABASE_STEP, GROUP_STEP, LADDER, LISTENER_STEP, RUNGS, STOP_BOUND, accepted, assert_shown,
    assert_stopped_once, bring_home, is_fenced, lines, mend_fenced_primary, old_database, owed, until_paid, way_out)
from world import ACCOUNT, DATABASE, GROUP, PRIMARY, SERVING, STANDBY, World


# In a failover


def test_a_primary_whose_api_answers_is_fenced_on_every_rung_within_the_failover(world: World, start) -> None:
    """Closed before the promotion, stopped behind it, and each asked for once."""
    daemon = start(world, **LADDER)
    secret = world.secret(world.dr)
    plan = daemon.ctl("plan", "failover").stdout
    assert plan.index(LISTENER_STEP) < plan.index("promote-replica") < plan.index(DATABASE_STEP), plan
    world.break_primary()
    workload = daemon.until_phase("dr-active")
    assert workload["debts"] == [] and is_fenced(world)
    assert_failed_over(world, secret)
    assert_order(world, "CreateRule", "PromoteReadReplica", "StopDBInstance")
    promoted = world.changes("PromoteReadReplica")[0]["n"]
    calls = {step: [call for call in world.changes(CALLS[step]) if call["region"] == PRIMARY] for step in RUNGS}
    assert {step: [call["status"] for call in found] for step, found in calls.items()} == dict.fromkeys(RUNGS, [200])
    assert calls[GROUP_STEP][0]["n"] < promoted and calls[LISTENER_STEP][0]["n"] < promoted


def test_without_the_new_rungs_load_balancer_and_database_are_left_alone(world: World, start) -> None:
    daemon = start(world)
    fail_over(world, daemon)
    assert not world.writes_held(world.primary) and old_database(world) == "available"
    assert world.changes("CreateRule") == world.changes("StopDBInstance") == []


@pytest.mark.parametrize("why", ["suspended", "protected"])
def test_instances_that_outlive_their_group_are_owed_until_they_are_gone(world: World, start, why: str) -> None:
    daemon = start(world)
    groups = world.client("autoscaling", PRIMARY)
    instances = world.instance_ids(world.primary)
    if why == "suspended":
        groups.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Terminate"])
        words = "2 instance(s) still run: its Terminate process is suspended"
    else:
        groups.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=instances, ProtectedFromScaleIn=True)
        words = "2 instance(s) still run; 2 of them protected from scale-in"
    world.break_primary()
    workload = daemon.until_phase("dr-active", 120)
    assert world.sizes(world.primary) == STANDBY and world.in_service(world.primary) == 2
    assert owed(workload) == [GROUP_STEP] and words in workload["debts"][0]["what"], workload["debts"]
    assert "may still take writes" in daemon.order("ack", "--loss-reviewed", expect=REFUSED)
    for instance in instances:
        groups.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=False)
    daemon.until("nothing is owed", lambda workload: workload["debts"] == [], 60)
    daemon.order("ack", "--loss-reviewed")


@pytest.mark.slow
def test_a_silent_region_owes_every_rung_through_a_crash_and_each_is_paid_when_it_answers(world: World, start) -> None:
    daemon = start(world, **LADDER)
    secret = world.secret(world.dr)
    fault = world.lose_primary_region()
    workload = daemon.until_phase("dr-active", 120)
    assert owed(workload) == ALL_OWED, workload["debts"]
    assert_promoted_once(world)
    daemon.kill()
    daemon.start()
    assert owed(daemon.status()) == ALL_OWED
    page = daemon.ctl("status").stdout
    assert "fence debts" in page and "3, retried until paid" in page, page
    assert_shown(page, *RUNGS)
    world.control.lift(fault)
    until_paid(world, daemon, 150)
    assert_failed_over(world, secret)
    assert {step: len(accepted(world, step)) for step in RUNGS} == dict.fromkeys(RUNGS, 1)
    assert len(lines(daemon, "fence debt paid")) == 3


def test_a_run_that_is_taken_back_before_the_promotion_opens_the_load_balancer_again(
    world: World, aws: Control, start
) -> None:
    daemon = start(world, **LADDER)
    fault = aws.fault(
        "error", action="PromoteReadReplica", status=400, code="InvalidDBInstanceState", message="it is busy")
    world.break_primary()
    daemon.wait_until("the promotion is asked for", lambda: aws.struck(fault), 40)
    assert world.sizes(world.primary) == STANDBY and world.writes_held(world.primary)
    daemon.order("abort")
    daemon.until_phase("degraded", 40)
    assert not world.writes_held(world.primary) and world.sizes(world.primary) == SERVING
    assert old_database(world) == "available" and world.promotions() == [] == world.changes("StopDBInstance")
    assert daemon.status()["debts"] == []


# Whatever becomes of the call that stops the database


#: By name: the rules, how often each strikes, and whether the database was stopped all the same.
PASSING: dict[str, tuple[list[dict[str, Any]], int, bool]] = {
    "latency": ([{"kind": "latency", "seconds": 2}], 2, False),
    "throttling": ([{"kind": "throttle"}], 5, False),
    "5xx": ([{"kind": "error", "status": 503}], 3, False),
    "reset": ([{"kind": "reset"}], 1, False),
    "close": ([{"kind": "close"}], 1, False),
    "no-answer": ([{"kind": "black-hole"}], 1, False),
    "huge": ([{"kind": "huge"}], 1, False),
    "html": ([{"kind": "html"}], 1, False),
    "garbage": ([{"kind": "garbage"}], 1, False),
    "expired-token": ([{"kind": "expired-token"}], 3, False),
    "skewed-clock": ([
        {"kind": "skew", "seconds": 1200},
        {"kind": "error", "status": 403, "code": "SignatureDoesNotMatch", "message": "Signature expired"}], 2, False),
    "truncated": ([{"kind": "truncate"}], 1, True),
    "lost-answer": ([{"kind": "lost-answer"}], 1, True),
    "5xx-after": ([{"kind": "error-after", "status": 502}], 1, True),
}


@pytest.mark.parametrize("name", PASSING)
def test_whatever_becomes_of_the_stop_the_database_is_stopped_once_and_users_do_not_wait(
    world: World, aws: Control, start, name: str
) -> None:
    rules, count, happened = PASSING[name]
    daemon = start(world, **LADDER)
    secret = world.secret(world.dr)
    laid = [aws.fault(**rule, region=PRIMARY, action="StopDBInstance", count=count) for rule in rules]
    world.break_primary()
    daemon.wait_until("users are led to the DR region", lambda: world.serving() == "dr", 60)
    assert daemon.status()["stuck"] is None
    workload = daemon.until_phase("dr-active", 60 * STOP_BOUND + 25)
    assert owed(workload) == [], workload["debts"]
    until_paid(world, daemon)
    assert all(aws.struck(fault) for fault in laid)
    assert_stopped_once(world)
    assert_failed_over(world, secret)
    (asked, *_), (moved, *_) = world.changes("StopDBInstance"), world.changes("ChangeResourceRecordSets")
    assert moved["at"] - asked["at"] < BOUND * PATIENCE, "the stop held the traffic up"
    if happened:
        assert len(world.changes("StopDBInstance")) == 1, "it was carried out, and asked for again"


def until_it_alone_runs(world: World, daemon: Daemon) -> None:
    """Users are led to the DR region, and told; the database of the old primary is still tried to be stopped."""
    daemon.wait_until("all else is done", lambda: daemon.steps().get("announce") == "done", 60)
    assert world.serving() == "dr" and daemon.steps()[DATABASE_STEP] == "running", daemon.account()


@pytest.mark.parametrize("rule", [
    {"kind": "black-hole"}, {"kind": "error", "status": 503}, {"kind": "html"}, {"kind": "throttle"},
], ids=lambda rule: rule["kind"])
@pytest.mark.slow
def test_a_stop_that_fails_for_as_long_as_it_may_is_owed_and_paid_later(
    world: World, aws: Control, start, rule: dict
) -> None:
    """Minutes of it pass in a moment."""
    daemon = start(world, **LADDER)
    secret = world.secret(world.dr)
    fault = aws.fault(**rule, region=PRIMARY, action="StopDBInstance")
    world.break_primary()
    until_it_alone_runs(world, daemon)
    pass_time(daemon, STOP_BOUND)
    workload = daemon.until_phase("dr-active", 60)
    assert owed(workload) == [DATABASE_STEP] and daemon.steps()[DATABASE_STEP] == "owed", workload
    assert_shown(daemon.ctl("status").stdout, DATABASE_STEP)
    aws.lift(fault)
    until_paid(world, daemon, 100)
    assert_stopped_once(world)
    assert_failed_over(world, secret)


@pytest.mark.slow
def test_a_database_that_has_another_replica_is_owed_until_that_is_gone(world: World, start) -> None:
    """RDS stops no instance that has one."""
    rds = world.client("rds", PRIMARY)
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier="reports", SourceDBInstanceIdentifier=f"arn:aws:rds:{PRIMARY}:{ACCOUNT}:db:{DATABASE}")
    world.built = world.control.mark()
    daemon = start(world, **LADDER)
    world.break_primary()
    until_it_alone_runs(world, daemon)
    pass_time(daemon, STOP_BOUND)
    workload = daemon.until_phase("dr-active", 60)
    assert owed(workload) == [DATABASE_STEP], workload["debts"]
    assert "read replica" in daemon.ctl("status").stdout and old_database(world) == "available"
    rds.delete_db_instance(DBInstanceIdentifier="reports", SkipFinalSnapshot=True)
    until_paid(world, daemon)
    assert_stopped_once(world)
    assert_promoted_once(world)


@pytest.mark.slow
def test_a_stop_that_is_denied_names_the_way_out_and_does_not_bar_the_way_home(
    world: World, aws: Control, start
) -> None:
    """F46: the others are fenced; a person answers for the database."""
    daemon = start(world, **LADDER)
    secret = world.secret(world.primary)
    fault = aws.fault("denied", region=PRIMARY, action="StopDBInstance")
    world.break_primary()
    workload = daemon.until_phase("dr-active", 40)
    assert owed(workload) == [DATABASE_STEP] and "AccessDenied" in workload["debts"][0]["what"], workload["debts"]
    assert world.sizes(world.primary) == STANDBY and world.writes_held(world.primary)
    daemon.wait_until("it says how out", lambda: lines(daemon, way_out(DATABASE_STEP)), 20)
    tried = aws.struck(fault)
    daemon.wait_until("it is tried again", lambda: aws.struck(fault) > tried, 45)
    assert len(lines(daemon, "cannot be fenced", "AccessDenied")) == 1, "each try said so"
    mend_fenced_primary(world)
    assert way_out(DATABASE_STEP) in daemon.order("ack", "--loss-reviewed", expect=REFUSED)
    daemon.order("skip", "--step", DATABASE_STEP, reason="it takes connections from nobody", expect=DONE)
    workload = daemon.status()
    assert workload["debts"] == [] and daemon.steps()[DATABASE_STEP] == "skipped", workload
    assert "it takes connections from nobody" in daemon.ctl("history").stdout
    bring_home(world, daemon)
    assert_home(world, secret)
    assert accepted(world, DATABASE_STEP) == [] == world.changes("StartDBInstance")


# SIGKILL


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
@pytest.mark.parametrize("step", [LISTENER_STEP, DATABASE_STEP])
def test_a_kill_in_the_fence_ends_in_every_rung_closed_and_one_effect_of_each(
    world: World, aws: Control, start, step: str, kind: str
) -> None:
    """F75: behind the intent, before the request arrived or after it was carried out."""
    daemon = start(world, **LADDER)
    secret = world.secret(world.dr)
    fault = aws.fault(kind, region=PRIMARY, action=CALLS[step])
    world.break_primary()
    daemon.wait_until("it is asked for", lambda: aws.struck(fault) >= 1, 40)
    assert (world.promotions() == []) == (step == LISTENER_STEP)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 60)
    until_paid(world, daemon)
    assert_failed_over(world, secret)
    assert {step: len(accepted(world, step)) for step in RUNGS} == dict.fromkeys(RUNGS, 1)


# The way home


def test_a_failback_opens_and_starts_what_the_fence_closed_and_leaves_nothing_of_it(world: World, start) -> None:
    daemon = start(world, **LADDER)
    secret = world.secret(world.primary)
    fail_over(world, daemon)
    until_paid(world, daemon)
    mend_fenced_primary(world)
    bring_home(world, daemon)
    assert_home(world, secret)
    assert_order(world, "StopDBInstance", "StartDBInstance", "CreateDBSnapshot", "ModifyDBInstance")
    assert len(world.changes("StartDBInstance")) == 1
    (kept,) = (one for name, one in world.instances(PRIMARY).items() if "-kept-" in name)
    assert kept["DBInstanceStatus"] == "available" and old_database(world) == "available"
    for site in (world.primary, world.dr):
        rules = world.client("elbv2", site.region).describe_rules(ListenerArn=site.listener)["Rules"]
        assert [rule["IsDefault"] for rule in rules] == [True], rules
    calls = world.changes()
    daemon.stays(lambda: daemon.status()["phase"] == "healthy" and daemon.status()["debts"] == [], 4)
    assert world.changes() == calls, "at home nothing is fenced"


# Before any disaster


@pytest.mark.parametrize("action", ["elasticloadbalancing:CreateRule", "rds:StopDBInstance"])
def test_a_rung_that_iam_denies_shows_before_any_disaster(world: World, aws: Control, start, action: str) -> None:
    aws.ask("POST", "simulate", {"denied": [action]})
    daemon = start(world, arm=False, **LADDER)
    daemon.until("it shows", lambda workload: f"IAM denies {action}" in str(workload["armed"]), 20)
    assert action in daemon.ctl("status").stdout


def test_a_closed_load_balancer_needs_one_that_is_named(world: World, tmp_path: Path) -> None:
    daemon = Daemon(world, tmp_path, {**LADDER, "primary.listener": None})
    done = subprocess.run(
        [BINARIES / "pilotlightd", "--config", daemon.config, "--check"], capture_output=True, text=True,
        timeout=20 * PATIENCE, env=daemon.environment(), cwd=daemon.directory)
    output = done.stdout + done.stderr
    text = daemon.config.read_text().splitlines()
    line = next(number for number, line in enumerate(text, 1) if "fenceListener" in line)
    assert done.returncode == 2 and f"{daemon.config}:{line}: " in output and "listener" in output, output
