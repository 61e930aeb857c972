"""The daemon's configuration for a `World`: the reference deployment, with times as short as its ranges allow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from aws import routing_controls
from world import (
    AWAY_CONTROL, BUCKET, DATABASE, GROUP, HOME_CONTROL, RECORD, REPLICA, SECRET, SERVING, STANDBY, SWITCH, Site, World)

WORKLOAD = "django-app"
#: Of the cluster of routing controls. They are asked in this order, but for the primary region's, which comes last.
ENDPOINTS = [
    f"https://{letter * 8}.{routing_controls.SERVICE}.{region}.amazonaws.com{routing_controls.PATH}"
    for letter, region in zip("abcde", routing_controls.REGIONS, strict=True)]


def configuration(world: World, directory: Path, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """`overrides` are paths inside the workload, as `{"detection.confirmFor": "3s"}`; None takes a key away."""
    workload: dict[str, Any] = {
        "name": WORKLOAD,
        "mode": "automatic",
        "objectives": {"rto": "30m", "rpo": "5m"},
        **({"globalDatabase": world.global_database} if world.global_database else {}),
        "primary": _site(world, world.primary, DATABASE),
        "dr": _site(world, world.dr, REPLICA),
        "detection": {"confirmFor": "1s", "corroborate": "any", "pollInterval": "1s", "timeGap": "5s"},
        "replication": {"staleAfter": "1m"},
        "decision": {"onRpoBreach": "hold", "holdDown": "1h", "fencePrimary": True},
        "traffic": _traffic(world),
        "announce": {"topic": world.topic},
        "failback": {"maximumLag": "30s", "longestRequest": "1s"},
    }
    for path, value in (overrides or {}).items():
        _put(workload, path.split("."), value)
    daemon = {"ledger": str(directory / "ledger.db"), "socket": str(directory / "s"), "logLevel": "debug"}
    return {"daemon": daemon, "workloads": [workload]}


def write(content: dict[str, Any], file: Path) -> Path:
    """Replaced in one move, as an operator's editor does."""
    fresh = file.with_suffix(".new")
    fresh.write_text(yaml.safe_dump(content, sort_keys=False))
    return fresh.replace(file)


def _site(world: World, site: Site, database: str) -> dict[str, Any]:
    return {
        "region": site.region,
        "alb": {
            "url": site.alb.url, "expectStatus": ["200-299"], "bodyContains": "ok", "interval": "500ms",
            "timeout": "500ms", "slowAfter": "off", "recheckInterval": "200ms", "fallAfter": 2, "riseAfter": 2,
        },
        "group": {"name": GROUP, "capacity": _size(SERVING), "standby": _size(STANDBY), "acceptMinimum": 1},
        "targetGroup": site.target_group,
        "listener": site.listener,
        "database": {"id": database, **({} if world.global_database else {"instanceClass": "db.t3.micro"})},
        "secret": {"id": SECRET, "hostKey": "host", "portKey": "port"},
    }


def _size(sizes: tuple[int, int, int]) -> dict[str, int]:
    return dict(zip(("min", "desired", "max"), sizes, strict=True))


def _traffic(world: World) -> dict[str, Any]:
    if world.traffic == "switch":
        return {"objectSwitch": {"bucket": BUCKET, "key": SWITCH}}
    if world.traffic == "failover":
        return {"healthCheck": {"id": world.check}}
    if world.traffic == "controls":
        return {"routingControl": {"primary": HOME_CONTROL, "dr": AWAY_CONTROL, "endpoints": ENDPOINTS}}
    sides = {}
    for name, site in (("primary", world.primary), ("dr", world.dr)):
        side: dict[str, Any] = {"host": site.dns_name}
        if world.traffic == "alias":
            side["aliasZone"] = site.alias_zone
        if world.traffic == "weighted":
            side["setIdentifier"] = name
        sides[name] = side
    kind = "A" if world.traffic == "alias" else "CNAME"
    ttl = {} if world.traffic == "alias" else {"ttl": 60}
    return {"route53": {"zone": world.zone, "record": RECORD, "type": kind, **ttl, **sides}}


def _put(mapping: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        mapping = mapping.setdefault(name, {})
    if value is None:
        mapping.pop(path[-1], None)
    else:
        mapping[path[-1]] = value
