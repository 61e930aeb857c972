"""The stand-in for AWS: an Aurora global database, seen through boto3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aurora import FAIL_OVER, GLOBAL, AuroraWorld, arn
from aws.client import Control
from world import ACCOUNT, DATABASE, DR, PRIMARY, REPLICA
from wrapper_support import code, until

BUSY, CLUSTER_BUSY = "InvalidGlobalClusterStateFault", "InvalidDBClusterStateFault"
HOME = arn(PRIMARY, DATABASE)
AWAY = arn(DR, REPLICA)


@pytest.fixture
def world(aws: Control) -> Iterator[AuroraWorld]:
    """With transitions long enough to be seen on a busy machine."""
    built = AuroraWorld(aws, **dict.fromkeys(("global_accept", "failing_over", "switching_over", "resync"), 0.8))
    yield built
    built.close()


def fail_over(world: AuroraWorld, region: str = DR, target: str = AWAY, database: str = GLOBAL) -> dict[str, Any]:
    return world.client("rds", region).failover_global_cluster(
        GlobalClusterIdentifier=database, TargetDbClusterIdentifier=target, AllowDataLoss=True)["GlobalCluster"]


def switch_over(world: AuroraWorld, region: str = PRIMARY, target: str = AWAY) -> dict[str, Any]:
    return world.client("rds", region).switchover_global_cluster(
        GlobalClusterIdentifier=GLOBAL, TargetDbClusterIdentifier=target)["GlobalCluster"]


def passage(world: AuroraWorld, last: tuple[str, str]) -> list[tuple[str, str | None]]:
    """What was seen on the way there: what FailoverState said, and who was the writer."""
    seen: list[tuple[str, str | None]] = []

    def look() -> bool:
        found = world.global_cluster()
        writers = [one["DBClusterArn"].rsplit(":", 1)[-1] for one in found["GlobalClusterMembers"] if one["IsWriter"]]
        step = found.get("FailoverState", {}).get("Status", ""), writers[0]
        if not seen or seen[-1] != step:
            seen.append(step)
        return step == last and len(seen) > 1

    until(look, 10)
    return seen


def test_at_rest_there_is_a_writer_and_a_reader_that_is_in_step(world: AuroraWorld) -> None:
    for region in (PRIMARY, DR):
        found = world.global_cluster(region)
        assert (found["Status"], found.get("FailoverState") or None) == ("available", None)
    members = world.members()
    assert [(one["IsWriter"], one["SynchronizationStatus"]) for one in members.values()] == [
        (True, "connected"), (False, "connected")]
    assert members[DATABASE]["Readers"] == [AWAY] and members[REPLICA]["Readers"] == []
    assert world.replicates(DR, REPLICA) == DATABASE and world.replicates(PRIMARY, DATABASE) is None
    cluster = world.cluster(DR, REPLICA)
    assert cluster["Endpoint"].startswith(f"{REPLICA}.cluster-") and cluster["Port"] == 5432
    assert [one["IsClusterWriter"] for one in cluster["DBClusterMembers"]] == [True]


def test_a_failover_makes_a_writer_of_the_reader_and_the_old_one_comes_back(world: AuroraWorld) -> None:
    answer = fail_over(world)
    assert answer["Status"] == "failing-over"
    assert answer["FailoverState"] == {
        "Status": "pending", "FromDbClusterArn": HOME, "ToDbClusterArn": AWAY, "IsDataLossAllowed": True}
    assert passage(world, ("", REPLICA)) == [
        ("pending", DATABASE), ("failing-over", DATABASE), ("", REPLICA)]
    assert world.database_status(DR, REPLICA) == "available" and world.promotions() == [REPLICA]
    assert not world.in_step(DATABASE) and world.database_status(PRIMARY, DATABASE) == "resyncing"
    (snapshot,) = world.rescued()
    assert snapshot.startswith(f"rds:unplanned-global-failover-{DATABASE}-")
    until(lambda: world.in_step(DATABASE))
    assert world.replicates(PRIMARY, DATABASE) == REPLICA
    assert world.database_status(PRIMARY, DATABASE) == "available"


def test_an_old_primary_whose_region_is_gone_is_out_of_step_until_it_is_back(world: AuroraWorld, aws: Control) -> None:
    aws.configure(failing_over=0, global_accept=0, resync=0.3)
    aws.region_dead(PRIMARY)
    fail_over(world)
    until(lambda: world.writer() == REPLICA)
    with pytest.raises(AssertionError):
        until(lambda: world.in_step(DATABASE), 1)
    assert world.rescued() == []
    aws.region_dead(PRIMARY, dead=False)
    until(lambda: world.in_step(DATABASE))
    assert len(world.rescued()) == 1


def test_an_old_primary_can_be_no_member_while_its_region_is_gone(world: AuroraWorld, aws: Control) -> None:
    aws.configure(forgets_lost_primary=True, failing_over=0, global_accept=0)
    aws.region_dead(PRIMARY)
    fail_over(world)
    assert list(world.members()) == [REPLICA]
    aws.region_dead(PRIMARY, dead=False)
    assert not world.in_step(DATABASE)
    until(lambda: world.in_step(DATABASE))


def test_what_failover_state_says_may_outlast_the_failover(world: AuroraWorld, aws: Control) -> None:
    aws.configure(operation_lingers=0.8)
    fail_over(world)
    assert passage(world, ("", REPLICA)) == [
        ("pending", DATABASE), ("failing-over", DATABASE), ("failing-over", REPLICA), ("", REPLICA)]


def test_a_switchover_lets_the_two_trade_places_and_back(world: AuroraWorld) -> None:
    answer = switch_over(world)
    assert answer["Status"] == "switching-over" and answer["FailoverState"]["IsDataLossAllowed"] is False
    assert passage(world, ("", REPLICA)) == [
        ("pending", DATABASE), ("switching-over", DATABASE), ("", REPLICA)]
    assert world.in_step(DATABASE) and world.replicates(PRIMARY, DATABASE) == REPLICA
    switch_over(world, DR, HOME)
    until(lambda: world.writer() == DATABASE)
    assert world.promotions() == [REPLICA, DATABASE] and world.rescued() == []


def test_what_is_asked_of_the_wrong_region_or_member_is_refused(world: AuroraWorld) -> None:
    refused = [
        code(lambda: fail_over(world, region=PRIMARY)), code(lambda: switch_over(world, region=DR)),
        code(lambda: fail_over(world, region=PRIMARY, target=HOME)), code(lambda: fail_over(world, target=arn(DR, "nobody"))),
        code(lambda: fail_over(world, database="nobody")),
    ]
    assert refused == [BUSY, BUSY, CLUSTER_BUSY, "DBClusterNotFoundFault", "GlobalClusterNotFoundFault"]
    assert code(lambda: world.client("rds", DR).describe_global_clusters(
        GlobalClusterIdentifier="nobody")) == "GlobalClusterNotFoundFault"
    assert code(lambda: world.client("rds", DR).failover_global_cluster(
        GlobalClusterIdentifier=GLOBAL, TargetDbClusterIdentifier=AWAY, AllowDataLoss=True, Switchover=True,
    )) == "InvalidParameterCombination"
    assert world.promotions() == [] and world.writer() == DATABASE


def test_a_failover_that_may_lose_nothing_is_a_switchover(world: AuroraWorld) -> None:
    rds = world.client("rds", PRIMARY)
    answer = rds.failover_global_cluster(GlobalClusterIdentifier=GLOBAL, TargetDbClusterIdentifier=AWAY)
    assert answer["GlobalCluster"]["FailoverState"]["IsDataLossAllowed"] is False


def test_one_operation_at_a_time(world: AuroraWorld) -> None:
    fail_over(world)
    for ask in (lambda: fail_over(world), lambda: switch_over(world), world.detach_by_hand):
        assert code(ask) == BUSY
    until(lambda: world.writer() == REPLICA)
    assert code(lambda: fail_over(world)) == CLUSTER_BUSY, "it is the writer"
    assert code(lambda: switch_over(world, DR, HOME)) == CLUSTER_BUSY, "it is not in step yet"
    assert world.promotions() == [REPLICA]


def test_a_switchover_needs_both_regions_and_one_version(world: AuroraWorld, aws: Control) -> None:
    aws.region_dead(PRIMARY)
    assert code(lambda: switch_over(world)) == CLUSTER_BUSY
    aws.region_dead(PRIMARY, dead=False)
    aws.cluster(DR, REPLICA, status="upgrading")
    assert code(lambda: switch_over(world)) == CLUSTER_BUSY
    aws.cluster(DR, REPLICA, status="available", engineVersion="16.6")
    assert (code(lambda: switch_over(world)), code(lambda: fail_over(world))) == (BUSY, BUSY)
    assert world.cluster(DR, REPLICA)["EngineVersion"] != world.global_cluster()["EngineVersion"]


def test_a_switchover_whose_region_dies_hangs_until_it_is_back_or_it_is_cancelled(
    world: AuroraWorld, aws: Control
) -> None:
    aws.configure(switching_over=0.2, global_accept=0)
    switch_over(world)
    aws.region_dead(PRIMARY)
    with pytest.raises(AssertionError):
        until(lambda: world.writer() == REPLICA, 1)
    assert world.global_cluster()["FailoverState"]["Status"] == "switching-over"
    aws.cluster(DR, REPLICA, cancel=True)
    assert not world.global_cluster().get("FailoverState") and world.writer() == DATABASE and world.promotions() == []
    aws.region_dead(PRIMARY, dead=False)
    assert world.writer() == DATABASE, "it was cancelled"
    switch_over(world)
    aws.region_dead(PRIMARY)
    aws.region_dead(PRIMARY, dead=False)
    until(lambda: world.writer() == REPLICA)


def test_a_switchover_can_be_cancelled_by_aurora(world: AuroraWorld, aws: Control) -> None:
    aws.configure(cancel_switchovers=1)
    switch_over(world)
    assert passage(world, ("", DATABASE)) == [
        ("pending", DATABASE), ("switching-over", DATABASE), ("cancelling", DATABASE), ("", DATABASE)]
    assert world.promotions() == []
    assert {world.database_status(PRIMARY, DATABASE), world.database_status(DR, REPLICA)} == {"available"}
    switch_over(world)
    until(lambda: world.writer() == REPLICA)


def test_a_cluster_that_is_detached_is_one_of_its_own(world: AuroraWorld, aws: Control) -> None:
    assert code(lambda: world.client("rds", PRIMARY).remove_from_global_cluster(
        GlobalClusterIdentifier=GLOBAL, DbClusterIdentifier=HOME)) == BUSY
    world.detach_by_hand()
    assert list(world.members()) == [DATABASE] and "GlobalClusterIdentifier" not in world.cluster(DR, REPLICA)
    until(lambda: world.database_status(DR, REPLICA) == "available")
    assert code(lambda: fail_over(world)) == "DBClusterNotFoundFault"
    assert world.promotions() == []


def test_nothing_that_is_for_instances_is_done_to_a_cluster(world: AuroraWorld) -> None:
    rds = world.client("rds", PRIMARY)
    assert code(lambda: rds.stop_db_cluster(DBClusterIdentifier=DATABASE)) == CLUSTER_BUSY
    assert code(lambda: rds.start_db_cluster(DBClusterIdentifier=DATABASE)) == CLUSTER_BUSY
    assert code(lambda: rds.stop_db_instance(DBInstanceIdentifier=f"{DATABASE}-1")) == "InvalidDBInstanceState"
    assert code(lambda: world.client("rds", DR).promote_read_replica(
        DBInstanceIdentifier=f"{REPLICA}-1")) == "InvalidDBInstanceState"
    assert code(lambda: world.client("rds", DR).describe_db_clusters(
        DBClusterIdentifier="nobody")) == "DBClusterNotFoundFault"


def test_a_headless_cluster_has_no_instance_and_is_failed_over_all_the_same(world: AuroraWorld) -> None:
    world.remove_instance(DR, REPLICA)
    assert world.cluster(DR, REPLICA)["DBClusterMembers"] == []
    fail_over(world)
    until(lambda: world.writer() == REPLICA)


# Lag


RPO_LAG, REPLICATION_LAG = "AuroraGlobalDBRPOLag", "AuroraGlobalDBReplicationLag"


def lag_of(
    world: AuroraWorld, metric: str = RPO_LAG, region: str = DR, identifier: str = REPLICA, source: str | None = PRIMARY,
) -> list[float]:
    now = datetime.now(timezone.utc)
    dimensions = {"DBClusterIdentifier": identifier, **({"SourceRegion": source} if source else {})}
    answer = world.client("cloudwatch", region).get_metric_data(
        StartTime=now - timedelta(minutes=15), EndTime=now, ScanBy="TimestampAscending",
        MetricDataQueries=[{"Id": "lag", "MetricStat": {"Period": 60, "Stat": "Maximum", "Metric": {
            "Namespace": "AWS/RDS", "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()]}}}])
    return answer["MetricDataResults"][0]["Values"]


def test_a_reader_lags_milliseconds_and_a_writer_has_no_lag(world: AuroraWorld) -> None:
    assert set(lag_of(world)) == set(lag_of(world, REPLICATION_LAG)) == {200.0}
    assert lag_of(world, region=PRIMARY, identifier=DATABASE, source=DR) == []
    switch_over(world)
    until(lambda: world.writer() == REPLICA)
    assert lag_of(world) == []
    until(lambda: set(lag_of(world, region=PRIMARY, identifier=DATABASE, source=DR)) == {200.0})


def test_a_series_has_exactly_its_dimensions(world: AuroraWorld, aws: Control) -> None:
    assert lag_of(world, source=None) == [] == lag_of(world, source="eu-central-1")
    aws.configure(lag_source_region=False)
    assert lag_of(world) == [] and set(lag_of(world, source=None)) == {200.0}


def test_the_lag_of_a_cluster_can_be_scripted_and_one_metric_can_be_missing(world: AuroraWorld, aws: Control) -> None:
    aws.lag(DR, REPLICA, "constant", seconds=900)
    assert set(lag_of(world)) == {900_000.0}
    aws.lag(DR, REPLICA, "minus-one")
    assert set(lag_of(world)) == {-1.0}
    aws.lag(DR, REPLICA, "absent")
    assert lag_of(world) == []
    aws.lag(DR, REPLICA, "auto", metric=REPLICATION_LAG)
    assert lag_of(world) == [] and set(lag_of(world, REPLICATION_LAG)) == {200.0}


def test_the_lag_grows_when_the_region_of_the_writer_is_gone(world: AuroraWorld, aws: Control) -> None:
    aws.region_dead(PRIMARY, since=60)
    assert lag_of(world)[-1] == pytest.approx(60_200, abs=15_000)


def test_a_failover_is_logged_as_a_change_of_its_region(world: AuroraWorld) -> None:
    fail_over(world)
    (call,) = world.changes(FAIL_OVER)
    assert (call["region"], call["params"]["TargetDbClusterIdentifier"], call["params"]["AllowDataLoss"]) == (
        DR, f"arn:aws:rds:{DR}:{ACCOUNT}:cluster:{REPLICA}", "true")
