"""The policy that pilotlightd prints, held against what it really asked: nothing may be missing."""

from __future__ import annotations

import json
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

#: IAM's names of services and actions, where they are not those of the log of calls.
SERVICES = {"elbv2": "elasticloadbalancing"}
ACTIONS = {"HeadObject": "GetObject"}
#: Behind what in an ARN a parameter stands.
MARKS = {
    "DBInstanceIdentifier": ":db:", "DBSnapshotIdentifier": ":snapshot:", "DBClusterIdentifier": ":cluster:",
    "GlobalClusterIdentifier": ":global-cluster:", "SourceDBInstanceIdentifier": "", "AutoScalingGroupName": ":autoScalingGroupName/",
    "SecretId": ":secret:", "TableName": ":table/", "TopicArn": "", "ListenerArn": "", "RuleArn": "", "RoutingControlArn": "", "Key": "",
}



class Policy:
    def __init__(self, pilotlightd: Path, config: Path) -> None:
        printed = subprocess.run([pilotlightd, "--policy", "--config", config], capture_output=True, text=True, check=True)
        self.statements = json.loads(printed.stdout)["Statement"]

    def missing(self, calls: list[dict[str, Any]]) -> set[str]:
        """What was asked and is not allowed; not what the tests themselves ask, by boto."""
        return {
            f"{call['service']}:{call['action']} in {call['region']} of {resource}"
            for call in calls if call["service"] != "sts" and not call["agent"].startswith("Boto")
            for resource in _resources(call) or [None] if not self._allows(call, resource)
        }

    def _allows(self, call: dict[str, Any], resource: tuple[str, str] | None) -> bool:
        service, action = call["service"], call["action"]
        name = f"{SERVICES.get(service, service)}:{ACTIONS.get(action, action)}"
        return any(
            name in statement["Action"]
            and call["region"] in statement.get("Condition", {}).get("StringEquals", {}).get("aws:RequestedRegion", [call["region"]])
            and (resource is None or any(_covers(pattern, call["region"], *resource) for pattern in statement["Resource"]))
            for statement in self.statements)


def _resources(call: dict[str, Any]) -> list[tuple[str, str]]:
    """What is asked for: what stands in its ARN before the name, and the name. RDS keeps names in lower case."""
    found = []
    for key, mark in MARKS.items():
        value = call["params"].get(key)
        if not isinstance(value, str) or not value:
            continue
        if key == "Key":
            value = f"arn:aws:s3:::{call['params']['Bucket']}/{value}"
        if key == "SecretId":
            mark, value = ("", value) if value.startswith("arn:") else (mark, f"{value}-AbCdEf")
        found.append((mark, value.lower() if call["service"] == "rds" and mark else value))
    return found


def _covers(pattern: str, region: str, mark: str, name: str) -> bool:
    if pattern == "*" or not mark:
        return fnmatchcase(name, pattern)
    where = pattern.split(":")[3]
    return mark in pattern and where in ("", region) and fnmatchcase(name, pattern.split(mark, 1)[1])
