"""A DR secret that is a replica of the primary's is detached before it is repointed; the primary's keeps its value."""

from __future__ import annotations

from typing import Any

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_order
from world import SECRET, World

DETACH = "StopReplicationToReplica"


def replicate(world: World) -> None:
    """In place of the DR region's own secret."""
    world.client("secretsmanager", world.dr.region).delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    world.client("secretsmanager", world.primary.region).replicate_secret_to_regions(
        SecretId=SECRET, AddReplicaRegions=[{"Region": world.dr.region}])
    world.built = world.control.mark()


def test_a_replica_secret_is_detached_and_repointed(world: World, start) -> None:
    replicate(world)
    daemon = start(world, **{"dr.secret.isReplica": True})
    before = world.secret(world.primary)
    assert world.secret(world.dr) == before
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, before)
    assert_order(world, "StopReplicationToReplica", "PutSecretValue", "PromoteReadReplica")
    assert world.secret(world.primary) == before


def test_a_secret_that_stands_alone_is_left_as_it_is(world: World, start) -> None:
    daemon = start(world, **{"dr.secret.isReplica": True})
    before = world.secret(world.dr)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, before)
    assert world.changes("StopReplicationToReplica") == []


@pytest.mark.parametrize("rule", [
    {"kind": "reset"}, {"kind": "error", "status": 503, "count": 3}, {"kind": "throttle", "count": 5}, {"kind": "html"},
    {"kind": "truncate"}, {"kind": "lost-answer"}, {"kind": "error-after", "status": 502}, {"kind": "expired-token", "count": 3},
], ids=lambda rule: rule["kind"])
def test_whatever_becomes_of_the_detachment_the_secret_is_repointed_behind_it(
    world: World, aws: Control, start, rule: dict[str, Any]
) -> None:
    """F28, F29, F47, F49 at the first step of such a failover."""
    replicate(world)
    daemon = start(world, **{"dr.secret.isReplica": True})
    before = world.secret(world.primary)
    fault = aws.fault(**{"count": 1, **rule}, action=DETACH)
    world.break_primary()
    daemon.until_phase("dr-active", 90)
    assert aws.struck(fault)
    assert len([call for call in world.changes(DETACH) if call["status"] == 200]) == 1, world.changes(DETACH)
    assert_failed_over(world, before)
    assert world.secret(world.primary) == before


@pytest.mark.parametrize("moment", ["hold", "hold-answer"])
def test_a_kill_over_the_detachment_is_gone_on_from(world: World, aws: Control, start, moment: str) -> None:
    """F78: the request never arrived, or nobody heard of it."""
    replicate(world)
    daemon = start(world, **{"dr.secret.isReplica": True})
    before = world.secret(world.primary)
    fault = aws.fault(moment, action=DETACH)
    world.break_primary()
    daemon.wait_until("it is on its way", lambda: aws.struck(fault) >= 1 and (moment == "hold" or world.changes(DETACH)), 40)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 120)
    assert_failed_over(world, before)
    assert_order(world, DETACH, "PutSecretValue", "PromoteReadReplica")
