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
    "DBInstanceIdentifier": ":db:", "DBClusterIdentifier": ":cluster:", "GlobalClusterIdentifier": ":global-cluster:",
    "AutoScalingGroupName": ":autoScalingGroupName/", "TableName": ":table/", "TopicArn": "", "ListenerArn": "", "Key": "",
}


class Policy:
    def __init__(self, pilotlightd: Path, config: Path) -> None:
        printed = subprocess.run([pilotlightd, "--policy", "--config", config], capture_output=True, text=True, check=True)
        self.statements = json.loads(printed.stdout)["Statement"]

    def missing(self, calls: list[dict[str, Any]]) -> set[str]:
        """What was asked and is not allowed; not what the tests themselves ask, by boto."""
        return {
            f"{call['service']}:{call['action']} in {call['region']} of {self._resource(call)}"
            for call in calls
            if call["service"] != "sts" and not call["agent"].startswith("Boto") and not self._allows(call)
        }

    def _allows(self, call: dict[str, Any]) -> bool:
        service, action = call["service"], call["action"]
        name = f"{SERVICES.get(service, service)}:{ACTIONS.get(action, action)}"
        resource = self._resource(call)
        return any(
            name in statement["Action"]
            and statement.get("Condition", {}).get("StringEquals", {}).get("aws:RequestedRegion", call["region"]) == call["region"]
            and (resource is None or any(_covers(pattern, *resource) for pattern in statement["Resource"]))
            for statement in self.statements)

    @staticmethod
    def _resource(call: dict[str, Any]) -> tuple[str, str] | None:
        """What its ARN ends in: a mark, and a name behind it. RDS keeps names in lower case."""
        for key, mark in MARKS.items():
            value = call["params"].get(key)
            if not isinstance(value, str) or not value:
                continue
            if key == "Key":
                value = f"arn:aws:s3:::{call['params']['Bucket']}/{value}"
            return mark, value.lower() if call["service"] == "rds" else value
        return None


def _covers(pattern: str, mark: str, name: str) -> bool:
    if pattern == "*" or not mark:
        return fnmatchcase(name, pattern)
    return mark in pattern and fnmatchcase(name, pattern.split(mark, 1)[1])
