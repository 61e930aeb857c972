"""A DR secret that is a replica of the primary's is detached before it is repointed; the primary's keeps its value."""

from __future__ import annotations

from checks import assert_failed_over, assert_order
from world import SECRET, World


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
