"""Routing controls of Application Recovery Controller, of which moto has none: the data plane of one cluster, with safety rules.

The states are the consensus of the cluster: its five endpoints tell the same, and only the region in a signature's scope says
which of them was asked.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from . import state, wire
from .wire import Call, Reply

SERVICE = "route53-recovery-cluster"
#: One endpoint of the cluster in each.
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-2")
PATH = "/v1"
TARGET = "ToggleCustomerAPI."
ARN = re.compile(r"(arn:aws:route53-recovery-control::\d{12}:controlpanel/[0-9a-f]{32})/routingcontrol/[0-9a-f]{16}")
STATES = ("On", "Off")


class Refusal(Exception):
    """What the service answers instead of doing it."""

    def __init__(self, status: int, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.members = status, code, members


@dataclass
class Rule:
    """A safety rule: `controls` of which `at_least` must stay on, or which change only while one of the `gates` is on."""

    name: str
    arn: str
    controls: list[str]
    at_least: int = 0
    gates: list[str] | None = None

    def complaint(self, entries: dict[str, str]) -> str | None:
        """Why these changes must not be; a rule has a word in changes of its own controls only."""
        if not entries.keys() & set(self.controls):
            return None
        now = state.current().routing_controls
        if self.gates is not None:
            return None if any(now.get(gate) == "On" for gate in self.gates) else (
                f"Gating rule '{self.name}' ({self.arn}) does not allow routing controls to change while none of its gating "
                "controls is On")
        on = sum({**now, **entries}.get(control) == "On" for control in self.controls)
        return None if on >= self.at_least else (
            f"Assertion rule '{self.name}' ({self.arn}) needs at least {self.at_least} routing control(s) that are On; the "
            f"update would leave {on}")


def concerns(call: Call) -> bool:
    return (call.header("X-Amz-Target") or "").startswith(TARGET)


def answer(call: Call) -> Reply:
    """To a call whose signature is right."""
    try:
        return _reply(200, _perform(call))
    except Refusal as refusal:
        return _reply(refusal.status, {"__type": refusal.code, "message": str(refusal), **refusal.members})


def _reply(status: int, content: dict[str, Any]) -> Reply:
    headers = [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", str(uuid.uuid4()))]
    return status, headers, json.dumps(content).encode()


def _perform(call: Call) -> dict[str, Any]:
    if call.region not in REGIONS:
        raise Refusal(403, "InvalidSignatureException", "Credential should be scoped to a valid region.")
    if call.service != SERVICE:
        raise Refusal(403, "InvalidSignatureException", f"Credential should be scoped to correct service: '{SERVICE}'.")
    if call.method != "POST" or call.path.rstrip("/") != PATH:
        raise Refusal(404, "UnknownOperationException", f"There is nothing at {call.method} {call.path}")
    if call.header("Content-Type") != "application/x-amz-json-1.0":
        raise Refusal(400, "SerializationException", "Content-Type is not application/x-amz-json-1.0")
    match call.action:
        case "GetRoutingControlState":
            return _get(call.params)
        case "UpdateRoutingControlStates":
            return _update(call.params)
        case _:
            raise Refusal(400, "UnknownOperationException", f"The stand-in does not know {call.action}")


def _get(params: dict[str, Any]) -> dict[str, Any]:
    arn = _known(params.get("RoutingControlArn"))
    return {
        "RoutingControlArn": arn, "RoutingControlName": name_of(arn),
        "RoutingControlState": state.current().routing_controls[arn],
    }


def _update(params: dict[str, Any]) -> dict[str, Any]:
    """All of it, or nothing."""
    wishes = params.get("UpdateRoutingControlStateEntries")
    if not isinstance(wishes, list) or not wishes or not all(isinstance(wish, dict) for wish in wishes):
        raise _invalid("UpdateRoutingControlStateEntries", "must be a list of entries")
    entries: dict[str, str] = {}
    for wish in wishes:
        arn, wanted = _known(wish.get("RoutingControlArn")), wish.get("RoutingControlState")
        if wanted not in STATES:
            raise _invalid("RoutingControlState", f"must be On or Off, not {wanted}")
        if arn in entries:
            raise _invalid("UpdateRoutingControlStateEntries", f"{arn} is named twice")
        entries[arn] = wanted
    overridden = params.get("SafetyRulesToOverride", [])
    rules = state.current().safety_rules
    for arn in overridden:
        if arn not in [rule.arn for rule in rules]:
            raise _missing(arn, "SafetyRule")
    for rule in rules:
        if rule.arn not in overridden and (complaint := rule.complaint(entries)) is not None:
            raise Refusal(409, "ConflictException", complaint, resourceId=rule.arn, resourceType="SafetyRule")
    _apply(entries)
    return {}


def _known(arn: Any) -> str:
    if not isinstance(arn, str) or not ARN.fullmatch(arn):
        raise _invalid("RoutingControlArn", "must be the ARN of a routing control")
    if arn not in state.current().routing_controls:
        raise _missing(arn, "RoutingControl")
    return arn


def _missing(arn: str, kind: str) -> Refusal:
    return Refusal(404, "ResourceNotFoundException", f"{kind} {arn} does not exist", resourceId=arn, resourceType=kind)


def _invalid(field: str, message: str) -> Refusal:
    return Refusal(
        400, "ValidationException", f"{field} {message}", reason="fieldValidationFailed",
        fields=[{"name": field, "message": message}])


def _apply(entries: dict[str, str]) -> None:
    now = state.current()
    now.routing_controls.update(entries)
    now.routing_history.append(dict(now.routing_controls))


def name_of(arn: str) -> str:
    return f"control-{arn[-4:]}"


# The interface of the tests


def describe() -> dict[str, Any]:
    """The states by ARN, now and after each change that was made, oldest first."""
    now = state.current()
    return {"states": now.routing_controls, "history": now.routing_history}


def change(states: dict[str, str | None]) -> dict[str, Any]:
    """A person's hand, which no safety rule stops: makes controls, sets them, and deletes those whose state is null."""
    for arn, wanted in states.items():
        if not ARN.fullmatch(arn) or wanted not in (*STATES, None):
            raise ValueError(f"no state of a routing control: {arn} {wanted}")
    now = state.current()
    for arn in [arn for arn, wanted in states.items() if wanted is None]:
        now.routing_controls.pop(arn, None)
    _apply({arn: wanted for arn, wanted in states.items() if wanted is not None})
    return describe()


def set_rules(wishes: list[dict[str, Any]]) -> dict[str, str]:
    """In place of those there were: `{name, controls, atLeast}` is an assertion, `{name, controls, gates}` a gating rule. Their
    ARNs by name."""
    rules = []
    for wish in wishes:
        if set(wish) not in ({"name", "controls", "atLeast"}, {"name", "controls", "gates"}):
            raise ValueError(f"no safety rule: {wish}")
        controls, gates = list(wish["controls"]), wish.get("gates")
        for arn in [*controls, *(gates or [])]:
            if arn not in state.current().routing_controls:
                raise ValueError(f"no such routing control: {arn}")
        panel = ARN.fullmatch(controls[0])
        assert panel is not None
        arn = f"{panel[1]}/safetyrule/{hashlib.sha256(wish['name'].encode()).hexdigest()[:16]}"
        rules.append(Rule(wish["name"], arn, controls, int(wish.get("atLeast", 0)), gates))
    state.current().safety_rules = rules
    return {rule.name: rule.arn for rule in rules}
