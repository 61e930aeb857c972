"""RDS as it behaves and moto does not: slow transitions, replicas that become standalone, refusals by state."""

from __future__ import annotations

import copy
import time
from typing import Any

from moto.rds.exceptions import DBInstanceAlreadyExists, RDSClientError
from moto.rds.models import DBInstance, DBSnapshot, RDSBackend, rds_backends

from . import state


def invalid_state(message: str) -> RDSClientError:
    return RDSClientError("InvalidDBInstanceState", message)


def install() -> None:
    RDSBackend.promote_read_replica = promote
    RDSBackend.create_db_instance_read_replica = create_replica
    RDSBackend.modify_db_instance = modify(RDSBackend.modify_db_instance)
    RDSBackend.reboot_db_instance = reboot
    DBInstance.db_parameter_group_status_list = property(parameter_groups)
    RDSBackend.create_db_snapshot = snapshot(RDSBackend.create_db_snapshot)
    RDSBackend.stop_db_instance = slow(stoppable(RDSBackend.stop_db_instance), "stopping", "stopped")
    RDSBackend.start_db_instance = slow(RDSBackend.start_db_instance, "starting", "available")
    DBInstance.remove_replica = remove_replica
    DBInstance.endpoint = property(endpoint)
    DBInstance.status_infos = property(status_infos)


def endpoint(self: DBInstance) -> dict[str, Any] | None:
    """Absent while the instance is being created, as in RDS."""
    if self.status == "creating":
        return None
    return {"Address": self.address, "Port": self.port, "HostedZoneId": "Z1PVIF0B656C1W"}


def status_infos(self: DBInstance) -> list[dict[str, Any]]:
    if not self.source_db_instance_identifier:
        return []
    alive = replication_alive(self)
    return [{
        "StatusType": "read replication", "Normal": alive, "Status": "replicating" if alive else "error",
        "Message": None if alive else "Replication is stopped: the source cannot be reached",
    }]


def source_region(instance: DBInstance) -> str:
    source = instance.source_db_instance_identifier or ""
    return source.split(":")[3] if source.startswith("arn:") else instance.region


def replication_alive(instance: DBInstance) -> bool:
    return bool(instance.source_db_instance_identifier) and source_region(instance) not in state.current().dead_regions


def remove_replica(self: DBInstance, replica: DBInstance) -> None:
    """moto adds a cross-region replica by its ARN and then looks for its identifier."""
    names = (replica.db_instance_identifier, replica.db_instance_arn)
    self.replicas = [name for name in self.replicas if name not in names]


def find_source(instance: DBInstance) -> DBInstance | None:
    source = instance.source_db_instance_identifier or ""
    backend = rds_backends[instance.account_id][source_region(instance)]
    return backend.databases.get(source.rsplit(":", 1)[-1])


def promote(self: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
    instance = self.describe_db_instances(db_kwargs["db_instance_identifier"])[0]
    identifier = instance.db_instance_identifier
    if not instance.source_db_instance_identifier:
        raise invalid_state(f"DB Instance {identifier} is not a read replica.")
    if instance.status != "available" or getattr(instance, "promoting", False):
        raise invalid_state(f"DB Instance {identifier} is not in an available state ({instance.status}).")
    now, settings = state.current(), state.current().settings
    now.promotions.append({"region": self.region_name, "id": identifier, "at": time.time()})
    instance.promoting = True
    instance.awaits_reboot = False
    instance.backup_retention_period = int(db_kwargs.get("backup_retention_period") or 1)

    def modifying() -> None:
        instance.status = "modifying"
        now.after(settings.promote_modifying, standalone)

    def standalone() -> None:
        if (source := find_source(instance)) is not None:
            source.remove_replica(instance)
        instance.source_db_instance_identifier = None
        instance.is_replica = False
        instance.status = "rebooting"
        now.replicating_since.pop((self.region_name, instance.db_instance_identifier), None)
        now.after(settings.promote_rebooting, available)

    def available() -> None:
        instance.status = "available"
        instance.promoting = False

    now.after(settings.promote_accept, modifying)
    return instance


def create_replica(self: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
    identifier = db_kwargs["db_instance_identifier"].lower()
    self._validate_db_identifier(identifier)
    if identifier in self.databases:
        raise DBInstanceAlreadyExists()
    source_id = db_kwargs["source_db_instance_identifier"]
    source = self.find_db_from_id(source_id)
    abroad = source.region != self.region_name
    if source.status != "available":
        raise invalid_state(f"DB Instance {source.db_instance_identifier} is not in an available state.")
    if source.backup_retention_period == 0:
        raise invalid_state("Automated backups are not enabled for this database instance.")
    if abroad and not source_id.startswith("arn:"):
        raise RDSClientError("DBInstanceNotFound", f"DBInstance {source_id} not found.")
    if abroad and source.storage_encrypted and not db_kwargs.get("kms_key_id"):
        raise RDSClientError(
            "InvalidParameterCombination", "The encryption key must be specified for a cross-region encrypted replica.")
    if abroad and db_kwargs.get("db_parameter_group_name") and source.engine != "mysql":
        raise RDSClientError(
            "InvalidParameterCombination",
            f"A parameter group can't be specified during Read Replica creation for the following DB engine: {source.engine}")
    replica = copy.copy(source)
    # None of it comes with the data.
    for name in ("multi_az", "deletion_protection", "copy_tags_to_snapshot", "enable_iam_database_authentication"):
        setattr(replica, name, False)
    replica.backend = self
    for name in ("tags", "vpc_security_group_ids", "db_security_groups", "_associated_roles", "events"):
        if isinstance(getattr(replica, name, None), list):
            setattr(replica, name, [] if abroad or name == "events" else list(getattr(replica, name)))
    if abroad:
        replica.availability_zone = f"{self.region_name}a"
        replica.db_parameter_group_name = None
    for name in ("source_region", "pre_signed_url"):
        db_kwargs.pop(name, None)
    replica.promoting = False
    replica.update(**dict(db_kwargs))
    replica.set_as_replica()
    replica.backup_retention_period = 0
    replica.status = "creating"
    self.databases[identifier] = replica
    source.add_replica(replica)
    now = state.current()
    history = 900.0 if now.settings.create_replica <= 0 else 0.0

    def available() -> None:
        replica.status = "available"
        now.replicating_since[self.region_name, identifier] = time.time() - history

    now.after(now.settings.create_replica, available)
    return replica


def parameter_groups(self: DBInstance) -> list[dict[str, Any]]:
    """The name of another group shows at once, its parameters come with the next restart."""
    status = "pending-reboot" if getattr(self, "awaits_reboot", False) else "in-sync"
    return [{"DBParameterGroupName": group.name, "ParameterApplyStatus": status} for group in self.db_parameter_groups()]


def reboot(self: RDSBackend, db_instance_identifier: str) -> DBInstance:
    instance = self.describe_db_instances(db_instance_identifier)[0]
    if instance.status != "available":
        raise invalid_state(f"Database instance is not in available state ({instance.status}).")
    instance.awaits_reboot = False
    instance.status = "rebooting"
    now = state.current()
    now.after(now.settings.promote_rebooting, lambda: setattr(instance, "status", "available"))
    return instance


def modify(original: Any) -> Any:
    def modified(self: RDSBackend, identifier: str, db_kwargs: dict[str, Any]) -> DBInstance:
        instance = self.describe_db_instances(identifier)[0]
        new_name = db_kwargs.get("new_db_instance_identifier")
        if not new_name:
            if instance.status != "available":
                raise invalid_state(f"Database instance is not in available state ({instance.status}).")
            group = db_kwargs.get("db_parameter_group_name")
            if group and group != instance.db_parameter_groups()[0].name:
                instance.awaits_reboot = True
            return original(self, identifier, db_kwargs)
        new_name = new_name.lower()
        self._validate_db_identifier(new_name)
        if new_name in self.databases:
            raise DBInstanceAlreadyExists()
        if instance.status != "available":
            raise invalid_state(f"Database instance is not in available state ({instance.status}).")
        if not db_kwargs.get("apply_immediately"):
            return instance  # it would happen in the next maintenance window, which no test waits for
        now = state.current()
        instance.status = "renaming"

        def renamed() -> None:
            old = instance.db_instance_identifier
            if (since := now.replicating_since.pop((self.region_name, old), None)) is not None:
                now.replicating_since[self.region_name, new_name] = since
            follow_rename(instance, lambda: original(self, old, {"new_db_instance_identifier": new_name}))
            instance.status = "available"

        now.after(now.settings.rename, renamed)
        return instance

    return modified


def follow_rename(instance: DBInstance, rename: Any) -> None:
    """A source keeps its replicas, and a replica its source, under the new name."""
    source, old_arn = find_source(instance), instance.db_instance_arn
    if source is not None:
        source.remove_replica(instance)
    rename()
    if source is not None:
        source.add_replica(instance)
    for backend in rds_backends[instance.account_id].values():
        for other in backend.databases.values():
            if other.source_db_instance_identifier == old_arn:
                other.source_db_instance_identifier = instance.db_instance_arn


def snapshot(original: Any) -> Any:
    def made(self: RDSBackend, db_instance_identifier: str, db_snapshot_identifier: str, *rest: Any,
             **named: Any) -> DBSnapshot:
        instance = self.databases.get(db_instance_identifier)
        automated = named.get("snapshot_type") == "automated" or "automated" in rest
        if not automated and instance is not None and instance.status != "available":
            raise invalid_state(f"Instance {db_instance_identifier} is not currently in the available state.")
        result = original(self, db_instance_identifier, db_snapshot_identifier, *rest, **named)
        now = state.current()
        if automated or instance is None or now.settings.snapshot <= 0:
            return result
        result.status, instance.status = "creating", "backing-up"

        def done() -> None:
            result.status = "available"
            if instance.status == "backing-up":
                instance.status = "available"

        now.after(now.settings.snapshot, done)
        return result

    return made


def stoppable(original: Any) -> Any:
    """RDS stops no instance that has a replica, in whatever region, none that is one, and none of Aurora's. moto stops the
    first, and takes the second for a cluster."""

    def stopped(self: RDSBackend, identifier: str, *rest: Any, **named: Any) -> DBInstance:
        instance = self.describe_db_instances(identifier)[0]
        if getattr(instance, "cluster", None) is not None:
            raise invalid_state(f"{identifier} is an instance of a cluster.")
        if instance.source_db_instance_identifier:
            raise invalid_state(f"Cannot stop or start a read replica instance: {identifier}.")
        if instance.replicas:
            raise invalid_state(f"Cannot stop or start an instance that has a read replica: {identifier}.")
        return original(self, identifier, *rest, **named)

    return stopped


def slow(original: Any, meanwhile: str, final: str) -> Any:
    def changed(self: RDSBackend, identifier: str, *rest: Any, **named: Any) -> DBInstance:
        instance = original(self, identifier, *rest, **named)
        instance.status = meanwhile
        state.current().after(state.current().settings.stop_start, lambda: setattr(instance, "status", final))
        return instance

    return changed
