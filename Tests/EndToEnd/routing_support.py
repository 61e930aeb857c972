"""What the tests of routing controls share."""

from __future__ import annotations

from typing import Any

from aws.routing_controls import REGIONS, SERVICE
from checks import assert_failed_over, assert_promoted_once
from daemon import Daemon
from world import AWAY_CONTROL, HOME_CONTROL, PRIMARY, World

SHIFT, GET, UPDATE = "shift-traffic", "GetRoutingControlState", "UpdateRoutingControlStates"
TO_DR, TO_PRIMARY = {HOME_CONTROL: "Off", AWAY_CONTROL: "On"}, {HOME_CONTROL: "On", AWAY_CONTROL: "Off"}
#: As the daemon asks them when none has answered yet.
ORDER = [*(region for region in REGIONS if region != PRIMARY), PRIMARY]


def page(daemon: Daemon) -> str:
    return daemon.ctl("status").stdout + daemon.explain()


def asked(world: World, since: int) -> list[dict[str, Any]]:
    return [call for call in world.control.calls(since=since) if call["service"] == SERVICE]


def accepted(world: World) -> list[dict[str, Any]]:
    return [call for call in world.changes(UPDATE) if call["status"] == 200]


def turned(call: dict[str, Any]) -> dict[str, str]:
    entries = call["params"]["UpdateRoutingControlStateEntries"]
    return {entry["RoutingControlArn"]: entry["RoutingControlState"] for entry in entries}


def assert_turned(world: World, *states: dict[str, str]) -> None:
    """By so many updates, of which each turned both; users were led to one region all the time, and no rule was overridden."""
    assert [turned(call) for call in accepted(world)] == list(states)
    assert all("SafetyRulesToOverride" not in call["params"] for call in world.changes(UPDATE))
    history = [(one[HOME_CONTROL], one[AWAY_CONTROL]) for one in world.control.routing_history()]
    assert set(history) <= {("On", "Off"), ("Off", "On")}, history
    assert world.changes("ChangeResourceRecordSets") == []


def assert_moved_once(world: World, secret: dict[str, Any]) -> None:
    assert_failed_over(world, secret)
    assert_turned(world, TO_DR)


def before_the_traffic(world: World, daemon: Daemon) -> None:
    """The outage, and all of the failover that comes before the controls; the DR load balancer holds the rest up."""
    world.dr.alb.mode = "503"
    world.break_primary()
    daemon.wait_until("it verifies", lambda: daemon.steps().get("verify-dr-application") == "running", 40)


def until_waiting(daemon: Daemon, words: str) -> None:
    daemon.wait_until("it says so", lambda: daemon.steps().get(SHIFT) == "running" and words in page(daemon), 60)


def assert_waits(world: World, daemon: Daemon) -> None:
    """It is neither failed nor done, and users stay where they are."""
    daemon.stays(lambda: daemon.steps()[SHIFT] == "running" and world.serving() == "primary", 5)
    workload = daemon.status()
    assert workload["phase"] == "failing-over" and workload["stuck"] is None, workload
    assert accepted(world) == []
    assert_promoted_once(world)
