"""The checks themselves: a failover and a failback done by hand satisfy them, and half of one does not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from checks import assert_failed_over, assert_home, assert_order, assert_untouched
from world import (
    ACCOUNT, BACKUPS, DATABASE, DR, GROUP, PARAMETERS, PRIMARY, RECORD, REPLICA, SECRET, SERVING, STANDBY, Site, World)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Hand:
    """An operator with boto3 and a runbook."""

    def __init__(self, world: World) -> None:
        self.world = world

    def resize(self, site: Site, sizes: tuple[int, int, int]) -> None:
        self.world.client("autoscaling", site.region).update_auto_scaling_group(
            AutoScalingGroupName=GROUP, MinSize=sizes[0], DesiredCapacity=sizes[1], MaxSize=sizes[2])

    def repoint(self, site: Site, identifier: str) -> None:
        content = {**self.world.secret(site), "host": self.world.address(site.region, identifier)}
        self.world.client("secretsmanager", site.region).put_secret_value(
            SecretId=SECRET, SecretString=json.dumps(content))

    def promote(self, region: str, identifier: str) -> None:
        self.world.client("rds", region).promote_read_replica(
            DBInstanceIdentifier=identifier, BackupRetentionPeriod=BACKUPS)
        until(lambda: self.world.replicates(region, identifier) is None)
        self.available(region, identifier)

    def available(self, region: str, identifier: str) -> None:
        until(lambda: self.world.instances(region).get(identifier, {}).get("DBInstanceStatus") == "available")

    def point(self, site: Site) -> None:
        self.world.route53.change_resource_record_sets(HostedZoneId=self.world.zone, ChangeBatch={"Changes": [{
            "Action": "UPSERT", "ResourceRecordSet": {
                "Name": RECORD, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": site.dns_name}]}}]})

    def announce(self) -> None:
        self.world.sns.publish(TopicArn=self.world.topic, Message="done")

    def set_aside(self, region: str, identifier: str) -> None:
        self.world.client("rds", region).modify_db_instance(
            DBInstanceIdentifier=identifier, NewDBInstanceIdentifier=f"{identifier}-kept-1", ApplyImmediately=True)
        self.available(region, f"{identifier}-kept-1")

    def replicate(self, region: str, identifier: str, source_region: str, source: str) -> None:
        self.world.client("rds", region).create_db_instance_read_replica(
            DBInstanceIdentifier=identifier,
            SourceDBInstanceIdentifier=f"arn:aws:rds:{source_region}:{ACCOUNT}:db:{source}")
        self.available(region, identifier)
        self.reinstate(region, identifier)

    def reinstate(self, region: str, identifier: str) -> None:
        rds, old = self.world.client("rds", region), self.world.instance(region, f"{identifier}-kept-1")
        rds.modify_db_instance(
            DBInstanceIdentifier=identifier, ApplyImmediately=True, MultiAZ=old["MultiAZ"], DeletionProtection=True,
            CopyTagsToSnapshot=True, EnableIAMDatabaseAuthentication=True, DBParameterGroupName=PARAMETERS)
        rds.add_tags_to_resource(
            ResourceName=self.world.instance(region, identifier)["DBInstanceArn"], Tags=old["TagList"])
        rds.reboot_db_instance(DBInstanceIdentifier=identifier)
        self.available(region, identifier)

    def fail_over(self) -> None:
        self.resize(self.world.dr, SERVING)
        self.repoint(self.world.dr, REPLICA)
        self.resize(self.world.primary, STANDBY)
        self.promote(DR, REPLICA)
        until(lambda: self.world.in_service(self.world.dr) == 2)
        self.point(self.world.dr)
        self.announce()

    def fail_back(self) -> None:
        self.world.client("rds", PRIMARY).create_db_snapshot(
            DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="kept")
        self.available(PRIMARY, DATABASE)
        self.set_aside(PRIMARY, DATABASE)
        self.replicate(PRIMARY, DATABASE, DR, REPLICA)
        self.repoint(self.world.primary, DATABASE)
        self.resize(self.world.primary, SERVING)
        self.promote(PRIMARY, DATABASE)
        self.point(self.world.primary)
        self.resize(self.world.dr, STANDBY)
        self.set_aside(DR, REPLICA)
        self.replicate(DR, REPLICA, PRIMARY, DATABASE)


def test_a_whole_cycle_by_hand_satisfies_the_checks(world: World) -> None:
    assert_untouched(world)
    secrets = world.secret(world.dr), world.secret(world.primary)
    hand = Hand(world)
    hand.fail_over()
    assert_failed_over(world, secrets[0])
    assert_order(world, "UpdateAutoScalingGroup", "PutSecretValue", "PromoteReadReplica", "Publish")
    hand.fail_back()
    assert_home(world, secrets[1])


def test_a_database_that_came_home_with_less_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = world.secret(world.dr), world.secret(world.primary)
    hand = Hand(world)
    monkeypatch.setattr(hand, "reinstate", lambda *_: None)
    hand.fail_over()
    hand.fail_back()
    assert_home(world, secrets[1], settings=False)
    with pytest.raises(AssertionError):
        assert_home(world, secrets[1])


@pytest.mark.parametrize("forgotten", ["resize", "repoint", "promote", "point", "announce"])
def test_a_failover_that_forgets_a_step_does_not_pass(
    world: World, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    secret = world.secret(world.dr)
    hand = Hand(world)
    monkeypatch.setattr(hand, forgotten, lambda *_: None)
    monkeypatch.setattr("test_checks.until", lambda *_: None)
    hand.fail_over()
    time.sleep(1.5)
    with pytest.raises(AssertionError):
        assert_failed_over(world, secret)
    with pytest.raises(AssertionError):
        assert_untouched(world)


def test_a_deletion_and_a_lost_key_are_noticed(world: World) -> None:
    secret = world.secret(world.dr)
    hand = Hand(world)
    hand.fail_over()
    lost = {key: value for key, value in world.secret(world.dr).items() if key != "apiToken"}
    world.client("secretsmanager", DR).put_secret_value(SecretId=SECRET, SecretString=json.dumps(lost))
    with pytest.raises(AssertionError):
        assert_failed_over(world, secret)
    hand.repoint(world.dr, REPLICA)
    world.client("secretsmanager", DR).put_secret_value(
        SecretId=SECRET, SecretString=json.dumps({**secret, "host": world.address(DR, REPLICA)}))
    assert_failed_over(world, secret)
    world.delete_database(PRIMARY, DATABASE)
    with pytest.raises(AssertionError):
        assert_failed_over(world, secret)
