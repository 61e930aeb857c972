"""Readiness from outside: `--check --live` with its exit codes, and what status, journal and alarm say of a drifted DR region."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checks import assert_order, fail_over
from daemon import Daemon
from live_check import NOT_READY, READY, WRONG, Check
from names import Names
from world import BUCKET, DR, GROUP, RECORD, REPLICA, SECRET, SWITCH, World

ITEMS = ["credentials", "database", "lag", "group", "launch", "targets", "secret", "secretSource", "traffic", "passage", "permissions", "clock", "capacity"]


@pytest.fixture
def look(world: World, tmp_path: Path) -> Callable[..., Check]:
    daemon = Daemon(world, tmp_path)

    def looked(expect: int) -> Check:
        check = Check(daemon, expect)
        assert not world.changes(), "a check changed something"
        assert not (tmp_path / "ledger.db").exists() and not (tmp_path / "s").exists()
        return check

    return looked


def test_a_pilot_light_that_burns_is_ready(look: Callable[..., Check]) -> None:
    check = look(READY)
    assert list(check.items) == ITEMS and check.words("ready") == ITEMS, check.text
    assert check.items["launch"][1].endswith(", one instance type in 2 zones"), check.text


@pytest.mark.parametrize("traffic", ["alias", "weighted", "switch"])
def test_each_way_of_moving_traffic_is_proven(world: World, tmp_path: Path, traffic: str) -> None:
    other = World(world.control, traffic=traffic)
    try:
        daemon = Daemon(other, tmp_path)
        assert Check(daemon, READY).items["traffic"][0] == "ready"
        if traffic == "switch":
            other.s3.put_object(Bucket=BUCKET, Key=SWITCH, Body=b"dr")
            assert "does not lead users to the primary" in Check(daemon, NOT_READY).items["traffic"][1]
            other.s3.delete_object(Bucket=BUCKET, Key=SWITCH)
            other.s3.delete_bucket(Bucket=BUCKET)
            assert Check(daemon, NOT_READY).words("NOT READY") == ["traffic"]
    finally:
        other.close()


def test_a_health_check_that_somebody_switched_does_not_lead_users_by_itself(world: World, tmp_path: Path) -> None:
    other = World(world.control, traffic="failover")
    try:
        daemon = Daemon(other, tmp_path)
        assert Check(daemon, READY).items["traffic"] == ("ready", f"health check {other.check} follows its endpoint")
        for switches, words in (((True, False), "disabled"), ((False, True), "inverted"), ((True, True), "unhealthy")):
            other.set_switches(*switches)
            check = Check(daemon, NOT_READY)
            assert check.words("NOT READY") == ["traffic"] and words in check.items["traffic"][1], check.text
        other.route53.delete_health_check(HealthCheckId=other.check)
        assert "does not exist" in Check(daemon, NOT_READY).items["traffic"][1]
    finally:
        other.close()


def test_a_topic_of_pages_that_nobody_reads_is_told_before_anybody_has_to_be_called(world: World, tmp_path: Path) -> None:
    paging = {"page": {"topic": world.topic}}
    assert Check(Daemon(world, tmp_path, paging), READY).items["page"] == ("ready", f"1 subscriber(s) of {world.topic} are called")
    world.sns.unsubscribe(SubscriptionArn=world.oncall)
    check = Check(Daemon(world, tmp_path, paging), NOT_READY)
    assert check.words("NOT READY") == ["page"] and "no confirmed subscriber" in check.items["page"][1], check.text
    gone = {"page": {"topic": f"{world.topic}-gone"}}
    check = Check(Daemon(world, tmp_path, gone), NOT_READY)
    assert check.words("NOT READY") == ["page"] and "does not exist" in check.items["page"][1], check.text


def test_a_load_balancer_that_the_fence_cannot_close_is_told_before_any_disaster(world: World, tmp_path: Path) -> None:
    check = Check(Daemon(world, tmp_path, {"decision.fenceListener": True}), READY)
    assert check.items["listener"][0] == "ready", check.text
    arn = f"{world.primary.listener}0"
    check = Check(Daemon(world, tmp_path, {"decision.fenceListener": True, "primary.listener": arn}), NOT_READY)
    assert check.words("NOT READY") == ["listener"] and arn in check.items["listener"][1], check.text


def test_a_load_balancer_of_the_dr_region_that_a_run_left_closed_is_told_and_opened(world: World, start) -> None:
    """Else the users would be led from one that is down to one that answers 503."""
    answer = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "pilotlight: writes are held during failback"}
    world.client("elbv2", DR).create_rule(
        ListenerArn=world.dr.listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": answer}])
    world.built = world.control.mark()
    daemon = start(world)
    check = Check(daemon, READY)
    assert check.items["passage"][0] == "ready" and "a failover opens it" in check.items["passage"][1], check.text
    assert world.writes_held(world.dr)
    fail_over(world, daemon)
    assert not world.writes_held(world.dr) and not world.writes_held(world.primary)
    assert_order(world, "UpdateAutoScalingGroup", "DeleteRule", "ChangeResourceRecordSets")


def test_where_dns_leads_users_is_shown_and_is_never_in_the_way(world: World, tmp_path: Path) -> None:
    with Names.of(world, ttl=0, resolvers=2) as names:
        servers = names.settings()
        daemon = Daemon(world, tmp_path, {
            "dns": {"resolvers": servers["resolvers"], "servers": servers["authoritative"]}})
        check = Check(daemon, READY)
        assert list(check.items) == [*ITEMS, "names"] and check.words("ready") == list(check.items), check.text
        assert check.items["names"][1] == f"all 3 servers lead {RECORD} to {world.primary.dns_name.lower()}"
        names.resolver.wrong = world.dr.dns_name.lower()
        check = Check(daemon, READY)
        assert check.words("unknown") == ["names"] and names.resolver.address in check.items["names"][1], check.text
        names.resolver.wrong, names.zone.fault = None, "refused"
        check = Check(daemon, READY)
        assert check.words("unknown") == ["names"], check.text
        assert "no authoritative server answered" in check.items["names"][1], check.text


def test_f92_what_drifted_is_named(world: World, look: Callable[..., Check]) -> None:
    world.client("ec2", DR).delete_launch_template(LaunchTemplateName=GROUP)
    world.client("secretsmanager", DR).delete_secret(SecretId=SECRET)
    world.control.ask("POST", "simulate", {"denied": ["rds:PromoteReadReplica"]})
    world.built = world.control.mark()
    check = look(NOT_READY)
    assert check.words("NOT READY") == ["launch", "secret", "permissions"], check.text
    assert "which does not exist" in check.items["launch"][1]
    assert f"rds:PromoteReadReplica on arn:aws:rds:{DR}:" in check.items["permissions"][1]


def test_f33_a_broken_replica_is_named(world: World, look: Callable[..., Check]) -> None:
    world.control.instance_status(DR, REPLICA, "storage-full")
    check = look(NOT_READY)
    assert check.items["database"] == ("NOT READY", f"replica {REPLICA} is storage-full")


def test_what_cannot_be_proven_is_no_failure(world: World, look: Callable[..., Check]) -> None:
    world.control.fault("denied", action="SimulatePrincipalPolicy")
    world.control.fault("denied", action="DescribeLaunchTemplateVersions")
    check = look(READY)
    assert check.words("unknown") == ["launch", "permissions"], check.text


def test_what_a_failover_must_read_and_cannot_is_a_failure(world: World, look: Callable[..., Check]) -> None:
    world.control.fault("denied", region=DR, action="GetSecretValue")
    check = look(NOT_READY)
    assert check.items["secret"][0] == "NOT READY", check.text


@pytest.mark.parametrize("offset", [-90, 90])
def test_a_clock_that_is_wrong_is_named(world: World, look: Callable[..., Check], offset: int) -> None:
    world.control.configure(clock_offset=offset)
    check = look(NOT_READY)
    word, sentence = check.items["clock"]
    assert word == "NOT READY" and ("behind" if offset > 0 else "ahead") in sentence, check.text


def test_a_wrong_configuration_is_told_before_anything_is_read(world: World, tmp_path: Path) -> None:
    daemon = Daemon(world, tmp_path)
    daemon.config.write_text("workloads: []\n")
    before = world.control.mark()
    Check(daemon, WRONG)
    assert world.control.mark() == before


@pytest.mark.slow
def test_not_armed_is_shown_alarms_and_ends(world: World, start: Callable[..., Daemon]) -> None:
    world.control.ask("POST", "simulate", {"denied": ["autoscaling:UpdateAutoScalingGroup"]})
    world.control.fault("denied", action="DescribeLaunchTemplateVersions")
    daemon = start(world, arm=False, **{"decision.alertUnarmedAfter": "1m"})
    shown = daemon.until(
        "it says what is missing", lambda workload: "IAM denies" in " ".join(workload["armed"]["reasons"]), 20)
    assert not shown["armed"]["ok"]
    assert any(one.startswith("launch not proven") for one in shown["armed"]["unproven"])
    page = daemon.ctl("status").stdout
    assert "NO" in page and "autoscaling:UpdateAutoScalingGroup" in page and "launch not proven" in page
    assert "IAM denies autoscaling:UpdateAutoScalingGroup" in daemon.explain()
    assert "notArmed" not in daemon.log()
    daemon.wait_until("the alarm", lambda: "not armed for 6" in daemon.log(), 90)  # said at a poll, 60 s on or later
    world.control.ask("POST", "simulate", {"denied": []})
    daemon.until("it is armed", lambda workload: workload["armed"]["ok"], 75)
    daemon.wait_until("the news", lambda: "nothing is in the way of a failover any more" in daemon.log(), 15)
    assert daemon.log().count("not armed for") == 1
    assert not world.changes()
