"""Aurora global databases as they behave and moto does not: failing over, switching over, the way of an old primary back
into its place, and refusals.

Stricter than AWS where AWS is not explicit: a switchover is taken only in the region of the writer, a failover only in
that of its target.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.rds.exceptions import (
    DBClusterNotFoundError, InvalidDBClusterStateFault, InvalidParameterCombination, RDSClientError)
from moto.rds.models import DBCluster, DBClusterSnapshot, GlobalCluster, RDSBackend, rds_backends
from moto.rds.responses import RDSResponse

from . import state

CONNECTED, PENDING_RESYNC = "connected", "pending-resync"
#: Seconds by which a well reader is behind.
USUAL_LAG = 0.2


def install() -> None:
    GlobalCluster.global_cluster_members = property(members)
    GlobalCluster.failover_state = property(failover_state)
    RDSResponse.describe_global_clusters = describe
    RDSResponse.failover_global_cluster = fail_over
    RDSResponse.switchover_global_cluster = switch_over
    RDSResponse.remove_from_global_cluster = remove
    RDSBackend.stop_db_cluster = unless_member(RDSBackend.stop_db_cluster)
    RDSBackend.start_db_cluster = unless_member(RDSBackend.start_db_cluster)


def invalid_state(message: str) -> RDSClientError:
    return RDSClientError("InvalidGlobalClusterStateFault", message)


# What is asked


def global_clusters() -> dict[str, GlobalCluster]:
    """moto keeps them in one region, and shows them in each."""
    return rds_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].global_clusters


def find(identifier: str) -> GlobalCluster:
    if (found := global_clusters().get(identifier)) is None:
        raise RDSClientError("GlobalClusterNotFoundFault", f"Global cluster {identifier} not found.")
    return found


def find_member(database: GlobalCluster, arn: str) -> DBCluster:
    for one in database.members:
        if one.db_cluster_arn == arn:
            return one
    raise DBClusterNotFoundError(arn)


def writer_of(database: GlobalCluster) -> DBCluster | None:
    return next((one for one in database.members if one.is_writer), None)


def database_of(cluster: DBCluster) -> GlobalCluster | None:
    return next((one for one in global_clusters().values() if cluster in one.members), None)


def synchronization(cluster: DBCluster) -> str:
    return getattr(cluster, "synchronization", CONNECTED)


def source_region(cluster: DBCluster) -> str | None:
    """Where its writer is, while it follows one."""
    database = database_of(cluster)
    writer = writer_of(database) if database else None
    follows = writer is not None and writer is not cluster and synchronization(cluster) == CONNECTED
    return writer.region if writer is not None and follows else None


def following_since(cluster: DBCluster) -> float:
    return getattr(cluster, "following_since", 0.0)


def members(self: GlobalCluster) -> list[dict[str, Any]]:
    return [
        {
            "DBClusterArn": one.db_cluster_arn, "IsWriter": one.is_writer, "Readers": self.readers if one.is_writer else [],
            "SynchronizationStatus": synchronization(one),
            **({} if one.is_writer else {"GlobalWriteForwardingStatus": "disabled"}),
        }
        for one in self.members
    ]


def failover_state(self: GlobalCluster) -> dict[str, Any] | None:
    return getattr(self, "operation", None)


def describe(self: RDSResponse) -> ActionResult:
    identifier = self.params.get("GlobalClusterIdentifier")
    found = [find(identifier)] if identifier else list(global_clusters().values())
    return ActionResult({"GlobalClusters": found})


# What is done


def unless_member(original: Any) -> Any:
    def refused(self: RDSBackend, cluster_identifier: str) -> DBCluster:
        cluster = self.clusters.get(cluster_identifier)
        if cluster is not None and database_of(cluster) is not None:
            raise InvalidDBClusterStateFault(f"{cluster_identifier} is in a global database: it is not stopped or started.")
        return original(self, cluster_identifier)

    return refused


def fail_over(self: RDSResponse) -> ActionResult:
    asked = self.params
    if asked.get("AllowDataLoss") and asked.get("Switchover"):
        raise InvalidParameterCombination("AllowDataLoss and Switchover exclude each other.")
    if not asked.get("AllowDataLoss"):
        return switch_over(self)
    database, target = target_of(asked)
    if self.region != target.region:
        raise invalid_state(f"A failover is asked for in the region of its target, {target.region}, not in {self.region}.")
    now = state.current()
    later = begin(database, target, "failing-over", may_lose=True)

    def failing_over() -> None:
        target.status = "promoting"
        later(now.settings.failing_over, promoted)

    def promoted() -> None:
        old = writer_of(database)
        trade_places(old, target)
        if old is not None:
            leave_behind(database, old)
        later(now.settings.operation_lingers, lambda: end(database))

    later(now.settings.global_accept, failing_over)
    return ActionResult({"GlobalCluster": database})


def switch_over(self: RDSResponse) -> ActionResult:
    database, target = target_of(self.params)
    writer = writer_of(database)
    refuse_unhealthy(database)
    if writer is None or self.region != writer.region:
        raise invalid_state(f"A switchover is asked for in the region of the writer, not in {self.region}.")
    now = state.current()
    is_cancelled = now.settings.cancel_switchovers > 0
    now.settings.cancel_switchovers -= is_cancelled
    later = begin(database, target, "switching-over", may_lose=False)

    def switching_over() -> None:
        writer.status = target.status = "switching-over"
        later(now.settings.switching_over, cancel if is_cancelled else finish)

    def cancel() -> None:
        database.operation["Status"] = "cancelling"
        later(now.settings.global_accept, lambda: give_up(database))

    def finish() -> None:
        """Without one of the two regions it waits, for ever if need be."""
        if {writer.region, target.region} & set(now.dead_regions):
            now.waiting.append(lambda: later(0, finish))
            return
        trade_places(writer, target)
        follow(writer)
        end(database)

    later(now.settings.global_accept, switching_over)
    return ActionResult({"GlobalCluster": database})


def target_of(asked: dict[str, Any]) -> tuple[GlobalCluster, DBCluster]:
    """The member that is to become the writer, if it may."""
    database = find(asked["GlobalClusterIdentifier"])
    target = find_member(database, asked["TargetDbClusterIdentifier"])
    if failover_state(database):
        raise invalid_state(f"Global cluster {database.global_cluster_identifier} is {database.status}.")
    if target.is_writer:
        raise InvalidDBClusterStateFault(f"{target.db_cluster_identifier} is the primary cluster already.")
    if target.engine_version != database.engine_version:
        raise invalid_state(f"{target.db_cluster_identifier} has another engine version than its global cluster.")
    return database, target


def refuse_unhealthy(database: GlobalCluster) -> None:
    for one in database.members:
        if one.region in state.current().dead_regions or one.status != "available" or synchronization(one) != CONNECTED:
            raise InvalidDBClusterStateFault(f"{one.db_cluster_identifier} in {one.region} is not available for a switchover.")


def begin(database: GlobalCluster, target: DBCluster, status: str, may_lose: bool) -> Callable[..., None]:
    """A way to let something happen later, if the operation still runs then."""
    now, writer = state.current(), writer_of(database)
    operation = {
        "Status": "pending", "FromDbClusterArn": writer.db_cluster_arn if writer else None,
        "ToDbClusterArn": target.db_cluster_arn, "IsDataLossAllowed": may_lose,
    }
    database.status, database.operation = status, operation
    database.promotion = {"region": target.region, "id": target.db_cluster_identifier, "at": time.time()}
    now.promotions.append(database.promotion)

    def later(seconds: float, effect: Callable[[], None]) -> None:
        def unless_over() -> None:
            if database.operation is operation:
                operation["Status"] = status if operation["Status"] == "pending" else operation["Status"]
                effect()

        now.after(seconds, unless_over)

    return later


def end(database: GlobalCluster) -> None:
    database.operation, database.status = None, "available"


def give_up(database: GlobalCluster) -> None:
    """The operation is over, and nothing of it happened."""
    end(database)
    state.current().promotions.remove(database.promotion)
    for one in database.members:
        one.status = "available"


def follow(reader: DBCluster) -> None:
    reader.synchronization, reader.following_since, reader.status = CONNECTED, time.time(), "available"


def trade_places(old: DBCluster | None, new: DBCluster) -> None:
    if old is not None:
        old.is_writer = False
    new.is_writer, new.synchronization, new.status = True, CONNECTED, "available"


def leave_behind(database: GlobalCluster, old: DBCluster) -> None:
    """The old primary follows nobody until its region is back and its volume is rebuilt."""
    old.synchronization = PENDING_RESYNC
    now = state.current()
    if old.region in now.dead_regions and now.settings.forgets_lost_primary:
        database.members.remove(old)
    come_back(database, old)


def come_back(database: GlobalCluster, old: DBCluster) -> None:
    now = state.current()
    if old.region in now.dead_regions:
        now.waiting.append(lambda: come_back(database, old))
        return
    if old not in database.members:
        database.members.append(old)
    old.status = "resyncing"
    keep_what_was_not_replicated(old)

    def connected() -> None:
        if old.region in now.dead_regions:
            now.waiting.append(lambda: come_back(database, old))
        else:
            follow(old)

    now.after(now.settings.resync, connected)


def keep_what_was_not_replicated(old: DBCluster) -> None:
    stamp = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())
    name = f"rds:unplanned-global-failover-{old.db_cluster_identifier}-{stamp}"
    old.backend.cluster_snapshots[name] = DBClusterSnapshot(old.backend, old, name, "automated")


def remove(self: RDSResponse) -> ActionResult:
    """A reader that is detached takes writes of its own from then on."""
    database = find(self.params["GlobalClusterIdentifier"])
    cluster = find_member(database, self.params["DbClusterIdentifier"])
    if cluster.is_writer and len(database.members) > 1:
        raise invalid_state("The primary cluster is removed last.")
    if failover_state(database):
        raise invalid_state(f"Global cluster {database.global_cluster_identifier} is {database.status}.")
    database.members.remove(cluster)
    cluster.global_cluster_identifier, cluster.is_writer, cluster.status = None, False, "promoting"
    now = state.current()
    now.after(now.settings.failing_over, lambda: setattr(cluster, "status", "available"))
    return ActionResult({"GlobalCluster": database})


# For tests


def change(region: str, identifier: str, wish: dict[str, Any]) -> None:
    """`status` and `engineVersion` of a cluster, or `cancel`: the operation that runs is given up."""
    cluster = rds_backends[DEFAULT_ACCOUNT_ID][region].clusters[identifier]
    effects: dict[str, Callable[[Any], None]] = {
        "status": lambda value: setattr(cluster, "status", value),
        "engineVersion": lambda value: setattr(cluster, "engine_version", value),
        "cancel": lambda _: give_up(database_of(cluster)),
    }
    for name, value in wish.items():
        effects[name](value)
