"""What a finished failover or failback looks like from outside, and the invariants that hold after every run."""

from __future__ import annotations

import time
from typing import Any

from daemon import BINARIES, Daemon
from policy import Policy
from world import BACKUPS, DATABASE, DR, PARAMETERS, PRIMARY, REPLICA, SERVING, STANDBY, Site, World

#: Deletions that take nothing of the user's: the write hold's own rule, and the daemon's own switch object.
OWN_DELETIONS = {"DeleteRule", "DeleteObject"}


def assert_secret_leads_to(world: World, site: Site, before: dict[str, Any], region: str, identifier: str) -> None:
    """The host is the database's, and every other key is as it was."""
    expected = {**before, "host": world.address(region, identifier), "port": 5432}
    assert world.secret(site) == expected


def assert_nothing_deleted(world: World) -> None:
    deletions = {call["action"] for call in world.changes() if call["action"].startswith("Delete")}
    assert deletions <= OWN_DELETIONS


def assert_untouched(world: World) -> None:
    """Not one mutating call reached the cloud."""
    assert world.changes() == []


def promoting(world: World) -> list[dict[str, Any]]:
    """The calls for a promotion that were answered well."""
    return [call for call in world.changes() if call["action"] in world.promotes and call["status"] == 200]


def assert_promoted_once(world: World, accepted: int = 1) -> None:
    """One promotion was accepted, and one call at most was answered so, but for those that came to nothing."""
    assert world.promotions() == [REPLICA]
    assert len(promoting(world)) <= accepted


def assert_failed_over(world: World, secret: dict[str, Any], fenced: bool = True, accepted: int = 1) -> None:
    assert_promoted_once(world, accepted)
    assert world.replicates(DR, REPLICA) is None
    assert world.database_status(DR, REPLICA) == "available"
    assert world.sizes(world.dr) == SERVING
    assert world.in_service(world.dr) >= 1
    assert_secret_leads_to(world, world.dr, secret, DR, REPLICA)
    assert world.serving() == "dr"
    assert len(world.announcements()) >= 1
    if fenced:
        assert world.sizes(world.primary) == STANDBY
    assert_nothing_deleted(world)


def assert_order(world: World, *actions: str) -> None:
    """The first of each of these changes came in this order."""
    first = [next(call["n"] for call in world.changes(action) if call["status"] == 200) for action in actions]
    assert first == sorted(first), list(zip(actions, first, strict=True))


def fail_over(world: World, daemon: Daemon, seconds: float = 60) -> None:
    world.break_primary()
    daemon.until_phase("dr-active", seconds)


def seen_up(daemon: Daemon) -> Daemon:
    """For worlds in which the daemon is rightly not armed."""
    daemon.until("the primary is seen", lambda workload: workload["assessment"]["verdict"] == "up", 15)
    time.sleep(1.5)  # long enough for every slow poll to have come once
    return daemon


def gate_asks(daemon: Daemon) -> None:
    daemon.until("the gate asks", lambda workload: (workload["incident"] or {}).get("standing") == "waiting", 25)


def assert_home(world: World, secret: dict[str, Any], settings: bool = True) -> None:
    """The primary serves, the pilot light burns, and everything that was is kept; `settings`: of databases built anew, too."""
    assert world.promotions() == [REPLICA, DATABASE]
    assert world.replicates(PRIMARY, DATABASE) is None
    assert world.replicates(DR, REPLICA) == DATABASE
    assert world.sizes(world.primary) == SERVING
    assert world.sizes(world.dr) == STANDBY
    assert world.serving() == "primary"
    assert_secret_leads_to(world, world.primary, secret, PRIMARY, DATABASE)
    assert not world.writes_held(world.dr)
    if world.global_database:
        assert_only_promoted(world)
    else:
        assert_old_databases_kept(world)
        if settings:
            assert_settings_kept(world)
    assert_nothing_deleted(world)
    assert_within_policy(world)


def assert_within_policy(world: World) -> None:
    """All that was asked is allowed by the policy that the configuration prints."""
    if world.config is not None:
        missing = Policy(BINARIES / "pilotlightd", world.config).missing(world.control.calls(since=world.built))
        assert not missing, sorted(missing)


def assert_old_databases_kept(world: World) -> None:
    kept = [name for region in (PRIMARY, DR) for name in world.instances(region) if "-kept-" in name]
    assert len(kept) == 2, kept
    snapshots = world.client("rds", PRIMARY).describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [one["Status"] for one in snapshots] == ["available"]


def assert_settings_kept(world: World) -> None:
    """What was built anew is no less than what had its name, and what was promoted keeps its backups."""
    for region, name in ((PRIMARY, DATABASE), (DR, REPLICA)):
        databases = world.instances(region)
        old = next(one for other, one in databases.items() if other.startswith(f"{name}-kept-"))
        for key in ("MultiAZ", "DeletionProtection", "CopyTagsToSnapshot", "IAMDatabaseAuthenticationEnabled", "TagList"):
            assert databases[name][key] == old[key], (name, key, databases[name][key], old[key])
        groups = [(one["DBParameterGroupName"], one["ParameterApplyStatus"]) for one in databases[name]["DBParameterGroups"]]
        assert groups == [(PARAMETERS, "in-sync")], (name, groups)
        assert old["BackupRetentionPeriod"] == BACKUPS
    assert world.instance(PRIMARY, DATABASE)["BackupRetentionPeriod"] == BACKUPS


def assert_only_promoted(world: World) -> None:
    """Nothing else was asked of RDS: nothing is created, renamed, stopped or copied."""
    assert {call["action"] for call in world.changes() if call["service"] == "rds"} <= set(world.promotes)
