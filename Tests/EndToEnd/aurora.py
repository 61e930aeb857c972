"""The reference deployment with an Aurora global database: a cluster in each region, the DR region's a reader."""

from __future__ import annotations

from typing import Any

import pytest

from aws.client import Control
from world import ACCOUNT, CANARIES, DATABASE, DR, PRIMARY, REPLICA, World
from wrapper_support import until

GLOBAL = "django-app-global"
#: A region that is no part of the deployment.
THIRD = "ap-southeast-1"
ENGINE, VERSION = "aurora-postgresql", "16.4"
FAIL_OVER, SWITCH_OVER = "FailoverGlobalCluster", "SwitchoverGlobalCluster"

#: How long things take, in seconds: long enough to be seen, short enough for a test.
BRISK = {"global_accept": 0.2, "failing_over": 0.6, "switching_over": 0.6, "resync": 0.6}


def arn(region: str, identifier: str) -> str:
    return f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{identifier}"


class AuroraWorld(World):
    """As `World`. An outage of the application leaves the databases as they are: Aurora's storage replicates by itself."""

    global_database = GLOBAL
    promotes = (FAIL_OVER, SWITCH_OVER)

    def __init__(self, control: Control, traffic: str = "cname", brisk: bool = True, **settings: Any) -> None:
        super().__init__(control, traffic, brisk, **{**(BRISK if brisk else {}), **settings})

    def _build_databases(self) -> None:
        self.client("rds", PRIMARY).create_global_cluster(
            GlobalClusterIdentifier=GLOBAL, Engine=ENGINE, EngineVersion=VERSION)
        owner = {"MasterUsername": "django", "MasterUserPassword": CANARIES[0]}
        self.add_cluster(PRIMARY, DATABASE, **owner)
        self.add_cluster(DR, REPLICA)

    def add_cluster(self, region: str, identifier: str, **more: str) -> None:
        rds = self.client("rds", region)
        rds.create_db_cluster(
            DBClusterIdentifier=identifier, Engine=ENGINE, EngineVersion=VERSION, GlobalClusterIdentifier=GLOBAL, **more)
        rds.describe_db_clusters(DBClusterIdentifier=identifier)  # moto shows it as `creating` once
        self.add_instance(region, identifier)

    def add_instance(self, region: str, identifier: str) -> None:
        self.client("rds", region).create_db_instance(
            DBInstanceIdentifier=f"{identifier}-1", DBClusterIdentifier=identifier, Engine=ENGINE,
            DBInstanceClass="db.r6g.large")

    def remove_instance(self, region: str, identifier: str) -> None:
        """The cluster is headless then."""
        self.client("rds", region).delete_db_instance(DBInstanceIdentifier=f"{identifier}-1", SkipFinalSnapshot=True)

    # Breaking and mending

    def break_primary(self, mode: str = "refused") -> None:
        self.primary.alb.mode = mode
        self.control.targets(self.primary.target_group, "unhealthy")

    def fail_over_by_hand(self, region: str = DR, identifier: str = REPLICA) -> None:
        self.client("rds", region).failover_global_cluster(
            GlobalClusterIdentifier=GLOBAL, TargetDbClusterIdentifier=arn(region, identifier), AllowDataLoss=True)

    def switch_over_by_hand(self, back: bool = False) -> None:
        region, target = (DR, arn(PRIMARY, DATABASE)) if back else (PRIMARY, arn(DR, REPLICA))
        self.client("rds", region).switchover_global_cluster(
            GlobalClusterIdentifier=GLOBAL, TargetDbClusterIdentifier=target)
        until(lambda: self.global_cluster()["Status"] == "available")

    def detach_by_hand(self) -> None:
        """Somebody makes the DR region's cluster one of its own."""
        self.client("rds", DR).remove_from_global_cluster(
            GlobalClusterIdentifier=GLOBAL, DbClusterIdentifier=arn(DR, REPLICA))

    # Looking from outside

    def cluster(self, region: str, identifier: str) -> dict[str, Any]:
        return self.client("rds", region).describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"][0]

    def database_status(self, region: str, identifier: str) -> str:
        return self.cluster(region, identifier)["Status"]

    def address(self, region: str, identifier: str) -> str:
        return self.cluster(region, identifier)["Endpoint"]

    def global_cluster(self, region: str = DR) -> dict[str, Any]:
        found = self.client("rds", region).describe_global_clusters(GlobalClusterIdentifier=GLOBAL)
        return found["GlobalClusters"][0]

    def members(self) -> dict[str, dict[str, Any]]:
        """By identifier."""
        return {one["DBClusterArn"].rsplit(":", 1)[-1]: one for one in self.global_cluster()["GlobalClusterMembers"]}

    def writer(self) -> str | None:
        return next((name for name, one in self.members().items() if one["IsWriter"]), None)

    def replicates(self, region: str, identifier: str) -> str | None:
        """Whom it follows, or None for a writer and for one that is no member."""
        member = self.members().get(identifier)
        return self.writer() if member is not None and not member["IsWriter"] else None

    def in_step(self, identifier: str) -> bool:
        return self.members()[identifier]["SynchronizationStatus"] == "connected"

    def rescued(self) -> list[str]:
        """Snapshots that Aurora took of what an old primary had not replicated."""
        found = self.client("rds", PRIMARY).describe_db_cluster_snapshots(SnapshotType="automated")["DBClusterSnapshots"]
        return [one["DBClusterSnapshotIdentifier"] for one in found if "unplanned" in one["DBClusterSnapshotIdentifier"]]


#: For tests that are the same whatever kind of database there is.
BOTH_KINDS = pytest.mark.parametrize("world", [World, AuroraWorld], indirect=True, ids=["instances", "aurora"])
