"""The stand-in for AWS: every gap of moto that is mended, seen through boto3."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aws.client import Control
from daemon import PATIENCE
from world import ACCOUNT, BUCKET, DATABASE, DR, GROUP, PRIMARY, RECORD, REPLICA, SWITCH, ZONE_NAME, World
from wrapper_support import code, promote, until


@pytest.fixture
def world(world: World) -> World:
    """With transitions long enough to be seen on a busy machine."""
    unhurried = ("promote_accept", "promote_modifying", "promote_rebooting", "create_replica", "rename", "snapshot",
                 "stop_start", "launch", "terminate", "target_healthy", "route53")
    world.control.configure(**dict.fromkeys(unhurried, 0.8))
    return world


def lag_of(world: World, identifier: str = REPLICA) -> list[tuple[datetime, float]]:
    now = datetime.now(timezone.utc)
    answer = world.client("cloudwatch", DR).get_metric_data(
        StartTime=now - timedelta(minutes=15), EndTime=now, ScanBy="TimestampAscending",
        MetricDataQueries=[{"Id": "lag", "MetricStat": {"Period": 60, "Stat": "Average", "Metric": {
            "Namespace": "AWS/RDS", "MetricName": "ReplicaLag",
            "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": identifier}]}}}])
    result = answer["MetricDataResults"][0]
    return list(zip(result["Timestamps"], result["Values"], strict=True))


def part(world: World, promoted: bool = False) -> None:
    """The two databases have nothing to do with each other any more."""
    if not promoted:
        promote(world)
    until(lambda: world.instance(DR, REPLICA)["DBInstanceStatus"] == "available" and not world.replicates(DR, REPLICA))


# RDS


def test_a_promoted_replica_loses_its_source_and_its_source_loses_it(world: World) -> None:
    assert world.replicates(DR, REPLICA) == DATABASE
    promote(world)
    seen = []

    def settled() -> bool:
        one = world.instance(DR, REPLICA)
        step = (one["DBInstanceStatus"], "ReadReplicaSourceDBInstanceIdentifier" in one)
        if not seen or seen[-1] != step:
            seen.append(step)
        return step == ("available", False)

    until(settled)
    assert seen == [("available", True), ("modifying", True), ("rebooting", False), ("available", False)]
    assert world.instance(PRIMARY, DATABASE)["ReadReplicaDBInstanceIdentifiers"] == []
    assert world.promotions() == [REPLICA]


def test_a_second_promotion_is_refused_while_and_after_the_first(world: World) -> None:
    promote(world)
    assert code(lambda: promote(world)) == "InvalidDBInstanceState"
    until(lambda: world.instance(DR, REPLICA)["DBInstanceStatus"] == "modifying")
    assert code(lambda: promote(world)) == "InvalidDBInstanceState"
    until(lambda: world.instance(DR, REPLICA)["DBInstanceStatus"] == "available")
    assert code(lambda: promote(world)) == "InvalidDBInstanceState"
    assert world.promotions() == [REPLICA]


def test_an_instance_that_is_backing_up_is_not_promoted(world: World, aws: Control) -> None:
    aws.instance_status(DR, REPLICA, "backing-up")
    assert code(lambda: promote(world)) == "InvalidDBInstanceState"
    assert world.promotions() == []


def test_a_standalone_or_missing_instance_is_not_promoted(world: World) -> None:
    rds = world.client("rds", PRIMARY)
    refused = code(lambda: rds.promote_read_replica(DBInstanceIdentifier=DATABASE))
    missing = code(lambda: rds.promote_read_replica(DBInstanceIdentifier="nobody"))
    assert (refused, missing) == ("InvalidDBInstanceState", "DBInstanceNotFound")


def test_a_replica_is_created_slowly_and_has_no_endpoint_before_it_is_there(world: World) -> None:
    source = world.instance(PRIMARY, DATABASE)["DBInstanceArn"]
    rds = world.client("rds", DR)
    rds.create_db_instance_read_replica(DBInstanceIdentifier="second", SourceDBInstanceIdentifier=source)
    assert world.instance(DR, "second")["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in world.instance(DR, "second")
    assert code(lambda: rds.create_db_instance_read_replica(
        DBInstanceIdentifier="second", SourceDBInstanceIdentifier=source)) == "DBInstanceAlreadyExists"
    until(lambda: world.instance(DR, "second")["DBInstanceStatus"] == "available")
    assert world.instance(DR, "second")["Endpoint"]["Address"].startswith("second.")
    assert world.instance(DR, "second")["StatusInfos"][0]["Status"] == "replicating"
    assert len(world.instance(PRIMARY, DATABASE)["ReadReplicaDBInstanceIdentifiers"]) == 2


def test_a_renamed_database_frees_its_name_and_keeps_its_replica(world: World) -> None:
    rds = world.client("rds", PRIMARY)
    assert code(lambda: world.client("rds", DR).modify_db_instance(
        DBInstanceIdentifier=REPLICA, NewDBInstanceIdentifier=REPLICA, ApplyImmediately=True
    )) == "DBInstanceAlreadyExists"
    rds.modify_db_instance(DBInstanceIdentifier=DATABASE, NewDBInstanceIdentifier="kept", ApplyImmediately=True)
    assert world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "renaming"
    until(lambda: "kept" in world.instances(PRIMARY))
    assert DATABASE not in world.instances(PRIMARY)
    assert world.replicates(DR, REPLICA) == "kept"
    assert world.instance(PRIMARY, "kept")["Endpoint"]["Address"].startswith("kept.")


def test_a_snapshot_takes_time_and_keeps_the_instance_busy(world: World) -> None:
    rds = world.client("rds", PRIMARY)
    assert code(lambda: rds.describe_db_snapshots(DBSnapshotIdentifier="kept")) == "DBSnapshotNotFound"
    rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="kept")
    assert world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "backing-up"
    until(lambda: rds.describe_db_snapshots(DBSnapshotIdentifier="kept")["DBSnapshots"][0]["Status"] == "available")
    assert world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "available"


def test_stopping_and_starting_pass_through_their_states(world: World) -> None:
    rds = world.client("rds", PRIMARY)
    part(world)
    rds.stop_db_instance(DBInstanceIdentifier=DATABASE)
    assert world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "stopping"
    until(lambda: world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "stopped")
    rds.start_db_instance(DBInstanceIdentifier=DATABASE)
    assert world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "starting"
    until(lambda: world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "available")


def test_an_instance_that_has_a_replica_or_is_one_is_not_stopped(world: World) -> None:
    def stop(region: str, identifier: str) -> None:
        world.client("rds", region).stop_db_instance(DBInstanceIdentifier=identifier)

    assert code(lambda: stop(PRIMARY, DATABASE)) == "InvalidDBInstanceState"
    assert code(lambda: stop(DR, REPLICA)) == "InvalidDBInstanceState"
    promote(world)
    until(lambda: world.instance(DR, REPLICA)["DBInstanceStatus"] == "modifying")
    assert code(lambda: stop(PRIMARY, DATABASE)) == "InvalidDBInstanceState", "its replica is still one"
    part(world, promoted=True)
    stop(PRIMARY, DATABASE)
    assert code(lambda: stop(PRIMARY, DATABASE)) == "InvalidDBInstanceState"
    assert code(lambda: stop(PRIMARY, "nobody")) == "DBInstanceNotFound"
    stop(DR, REPLICA)


def test_nothing_is_done_to_a_stopped_instance_but_to_start_it(world: World) -> None:
    rds = world.client("rds", PRIMARY)
    assert code(lambda: rds.start_db_instance(DBInstanceIdentifier=DATABASE)) == "InvalidDBInstanceState"
    part(world)
    arn = world.instance(PRIMARY, DATABASE)["DBInstanceArn"]
    refused = {
        "modify": lambda: rds.modify_db_instance(DBInstanceIdentifier=DATABASE, AllocatedStorage=30),
        "rename": lambda: rds.modify_db_instance(
            DBInstanceIdentifier=DATABASE, NewDBInstanceIdentifier="kept", ApplyImmediately=True),
        "snapshot": lambda: rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="kept"),
        "replicate": lambda: world.client("rds", DR).create_db_instance_read_replica(
            DBInstanceIdentifier="second", SourceDBInstanceIdentifier=arn),
        "stop": lambda: rds.stop_db_instance(DBInstanceIdentifier=DATABASE),
    }
    rds.stop_db_instance(DBInstanceIdentifier=DATABASE)
    for status in ("stopping", "stopped"):
        until(lambda: world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == status)
        assert {name: code(call) for name, call in refused.items()} == dict.fromkeys(refused, "InvalidDBInstanceState")
    rds.start_db_instance(DBInstanceIdentifier=DATABASE)
    assert {name: code(call) for name, call in refused.items()} == dict.fromkeys(refused, "InvalidDBInstanceState")
    assert code(lambda: rds.start_db_instance(DBInstanceIdentifier=DATABASE)) == "InvalidDBInstanceState"
    until(lambda: world.instance(PRIMARY, DATABASE)["DBInstanceStatus"] == "available")
    refused["snapshot"]()


# Auto Scaling and targets


def test_instances_are_pending_before_they_serve_and_targets_initial_before_healthy(world: World) -> None:
    scaling, elb = world.client("autoscaling", DR), world.client("elbv2", DR)
    scaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1, DesiredCapacity=2, MaxSize=3)
    scaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1, DesiredCapacity=2, MaxSize=3)
    assert (world.sizes(world.dr), world.in_service(world.dr)) == ((1, 2, 3), 0)

    def health() -> list[str]:
        found = elb.describe_target_health(TargetGroupArn=world.dr.target_group)["TargetHealthDescriptions"]
        return sorted(one["TargetHealth"]["State"] for one in found)

    assert health() == []
    until(lambda: world.in_service(world.dr) == 2)
    assert health() == ["initial", "initial"]
    until(lambda: health() == ["healthy", "healthy"])
    scaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=0, DesiredCapacity=0, MaxSize=3)
    group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]
    assert [one["LifecycleState"] for one in group["Instances"]] == ["Terminating", "Terminating"]
    until(lambda: not scaling.describe_auto_scaling_groups(
        AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]["Instances"])
    assert health() == []


def test_sizes_outside_the_bounds_are_refused(world: World) -> None:
    scaling = world.client("autoscaling", DR)
    beyond = code(lambda: scaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, DesiredCapacity=9))
    contrary = code(lambda: scaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=4, MaxSize=3))
    single = code(lambda: scaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4))
    assert (beyond, contrary, single) == ("ValidationError",) * 3
    assert world.sizes(world.dr) == (0, 0, 3)


def test_failed_launches_show_as_activities_until_capacity_is_back(world: World, aws: Control) -> None:
    scaling = world.client("autoscaling", DR)
    aws.launch_failure(DR, GROUP, "We currently do not have sufficient t3.micro capacity.", limit=1)
    scaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1, DesiredCapacity=2, MaxSize=3)
    until(lambda: world.in_service(world.dr) == 1)

    def newest() -> dict[str, Any]:
        return scaling.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"][0]

    until(lambda: newest()["StatusCode"] == "Failed")
    assert "sufficient t3.micro capacity" in newest()["StatusMessage"]
    assert world.in_service(world.dr) == 1
    aws.launch_failure(DR, GROUP, None)
    until(lambda: world.in_service(world.dr) == 2)


def test_a_failed_launch_shows_some_time_after_it_was_asked_for(world: World, aws: Control) -> None:
    scaling = world.client("autoscaling", DR)
    aws.launch_failure(DR, GROUP, "no capacity", delay=0.6)
    scaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1, DesiredCapacity=2, MaxSize=3)

    def failures() -> list[str]:
        found = scaling.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
        return [one["StatusMessage"] for one in found if one["StatusCode"] == "Failed"]

    assert failures() == []
    until(failures)
    assert failures() == ["no capacity"] and world.in_service(world.dr) == 0


def test_target_health_can_be_set_or_follow_a_load_balancer(world: World, aws: Control) -> None:
    elb, arn = world.client("elbv2", PRIMARY), world.primary.target_group

    def states() -> set[str]:
        found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {one["TargetHealth"]["State"] for one in found}

    until(lambda: states() == {"healthy"})
    world.primary.alb.mode = "503"
    until(lambda: states() == {"unhealthy"})
    world.primary.alb.mode = "ok"
    until(lambda: states() == {"healthy"})
    aws.targets(arn, "unhealthy")
    assert states() == {"unhealthy"}


# ReplicaLag


def test_a_replica_lags_one_second_while_its_source_lives(world: World) -> None:
    samples = lag_of(world)
    assert {value for _, value in samples} == {1.0}
    assert (datetime.now(timezone.utc) - samples[-1][0]).total_seconds() < 20


@pytest.mark.parametrize(("after_death", "expected"), [("absent", None), ("minus-one", -1.0), ("growing", 61.0)])
def test_lag_after_the_death_of_the_source(world: World, aws: Control, after_death: str, expected: float) -> None:
    aws.configure(lag_after_death=after_death)
    aws.region_dead(PRIMARY, since=60)
    samples = lag_of(world)
    age = (datetime.now(timezone.utc) - samples[-1][0]).total_seconds()
    if expected is None:
        assert samples[-1][1] == 1.0 and 58 < age < 90
    else:
        slack = 0 if expected < 0 else 15
        assert samples[-1][1] == pytest.approx(expected, abs=slack) and age < 20


def test_lag_can_be_scripted(world: World, aws: Control) -> None:
    aws.lag(DR, REPLICA, "constant", seconds=900)
    assert {value for _, value in lag_of(world)} == {900.0}
    aws.lag(DR, REPLICA, "minus-one")
    assert {value for _, value in lag_of(world)} == {-1.0}
    aws.lag(DR, REPLICA, "absent")
    assert lag_of(world) == []
    aws.lag(DR, REPLICA, "list", values=[3, 2, 1])
    assert [value for _, value in lag_of(world)] == [3.0, 2.0, 1.0]
    aws.lag(DR, REPLICA, "stale", age=600, seconds=1)
    newest = lag_of(world)[-1][0]
    assert 598 < (datetime.now(timezone.utc) - newest).total_seconds() < 620


def test_real_cloudwatch_spacing_is_a_minute_and_the_newest_minute_is_complete(world: World, aws: Control) -> None:
    aws.configure(lag_period=60)
    times = [at for at, _ in lag_of(world)]
    assert all(at.second == 0 for at in times) and len(times) >= 13
    assert 60 <= (datetime.now(timezone.utc) - times[-1]).total_seconds() < 140


def test_a_promoted_replica_has_no_lag_any_more(world: World) -> None:
    promote(world)
    until(lambda: world.instance(DR, REPLICA)["DBInstanceStatus"] == "rebooting")
    assert lag_of(world) == []


# The other services


def test_a_replica_secret_is_read_only_until_replication_to_it_stops(world: World) -> None:
    here, there = world.client("secretsmanager", PRIMARY), world.client("secretsmanager", DR)
    here.create_secret(Name="both", SecretString='{"host": "a"}', AddReplicaRegions=[{"Region": DR}])
    assert code(lambda: there.put_secret_value(SecretId="both", SecretString="{}")) == "InvalidParameterException"
    assert there.stop_replication_to_replica(SecretId="both")["ARN"].split(":")[3] == DR
    assert json.loads(there.get_secret_value(SecretId="both")["SecretString"]) == {"host": "a"}
    there.put_secret_value(SecretId="both", SecretString='{"host": "b"}')
    assert json.loads(here.get_secret_value(SecretId="both")["SecretString"]) == {"host": "a"}
    assert json.loads(there.get_secret_value(SecretId="both")["SecretString"]) == {"host": "b"}


def test_a_record_change_is_pending_before_it_is_in_sync(world: World) -> None:
    change = world.route53.change_resource_record_sets(HostedZoneId=world.zone, ChangeBatch={"Changes": [{
        "Action": "UPSERT", "ResourceRecordSet": {
            "Name": RECORD, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": world.dr.dns_name}]}}]})
    identifier = change["ChangeInfo"]["Id"]
    assert world.route53.get_change(Id=identifier)["ChangeInfo"]["Status"] == "PENDING"
    until(lambda: world.route53.get_change(Id=identifier)["ChangeInfo"]["Status"] == "INSYNC")
    assert world.serving() == "dr"


def test_a_health_check_is_switched_and_keeps_what_was_not_named(aws: Control) -> None:
    """As Route 53 words it; what its name servers make of it comes a moment later."""
    world = World(aws, traffic="failover")
    try:
        aws.configure(route53=0.5 * PATIENCE)
        before = world.check_config()
        assert world.switches() == (False, False) and len(before["Regions"]) == 3
        version = world.route53.get_health_check(HealthCheckId=world.check)["HealthCheck"]["HealthCheckVersion"]
        world.set_switches(True, True)
        check = world.route53.get_health_check(HealthCheckId=world.check)["HealthCheck"]
        assert check["HealthCheckConfig"] == {**before, "Disabled": True, "Inverted": True}
        assert check["HealthCheckVersion"] > version

        def known() -> list[tuple[str, bool]]:
            return [(one["failover"], one["inverted"]) for one in aws.zones()[ZONE_NAME] if one["failover"]]

        assert known() == [("PRIMARY", False), ("SECONDARY", False)]
        until(lambda: known() == [("PRIMARY", True), ("SECONDARY", False)])
        world.set_switches(False, False)
        assert world.check_config() == before
        assert code(lambda: world.route53.get_health_check(HealthCheckId="nobody")) == "NoSuchHealthCheck"
        assert code(lambda: world.route53.update_health_check(HealthCheckId="nobody")) == "NoSuchHealthCheck"
    finally:
        world.close()


@pytest.mark.parametrize("traffic", ["alias", "weighted", "failover", "switch"])
def test_every_way_of_leading_users_starts_at_the_primary(aws: Control, traffic: str) -> None:
    world = World(aws, traffic=traffic)
    try:
        assert world.serving() == "primary"
        if traffic == "switch":
            world.s3.put_object(Bucket=BUCKET, Key=SWITCH, Body=b"dr")
            assert world.serving() == "dr"
        if traffic == "failover":
            world.set_switches(True, False)
            assert world.serving() == "primary"
            world.set_switches(True, True)
            assert world.serving() == "dr"
    finally:
        world.close()


def test_permissions_can_be_simulated(world: World, aws: Control) -> None:
    aws.ask("POST", "simulate", {"denied": ["rds:PromoteReadReplica"]})
    results = world.client("iam", "us-east-1").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/test",
        ActionNames=["rds:DescribeDBInstances", "rds:PromoteReadReplica"])["EvaluationResults"]
    assert {one["EvalActionName"]: one["EvalDecision"] for one in results} == {
        "rds:DescribeDBInstances": "allowed", "rds:PromoteReadReplica": "implicitDeny"}
