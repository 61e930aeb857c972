"""What the tests of the fence share."""

from __future__ import annotations

from typing import Any

from daemon import Daemon
from settings import WORKLOAD
from world import DATABASE, GROUP, PRIMARY, STANDBY, World

LADDER = {"decision.fenceListener": True, "decision.fenceDatabase": True}
GROUP_STEP, LISTENER_STEP, DATABASE_STEP = RUNGS = ("fence-primary", "fence-listener", "stop-old-database")
ALL_OWED = sorted(RUNGS)
#: What each rung asks of the primary's region.
CALLS = {GROUP_STEP: "UpdateAutoScalingGroup", LISTENER_STEP: "CreateRule", DATABASE_STEP: "StopDBInstance"}
#: What each rung is, in a debt's words.
SUBJECTS = {
    GROUP_STEP: f"group {GROUP} in {PRIMARY}", LISTENER_STEP: f"the load balancer in {PRIMARY}",
    DATABASE_STEP: f"database {DATABASE} in {PRIMARY}",
}
#: A rung before the promotion holds nothing up for longer, in seconds.
BOUND = 20
#: The last one is tried for longer, in minutes, for nothing but the end of the run waits for it.
STOP_BOUND = 2


def old_database(world: World) -> str:
    return world.instance(PRIMARY, DATABASE)["DBInstanceStatus"]


def is_fenced(world: World) -> bool:
    is_closed = world.sizes(world.primary) == STANDBY and world.writes_held(world.primary)
    return is_closed and old_database(world) == "stopped"


def owed(workload: dict[str, Any]) -> list[str]:
    return sorted(debt["step"] for debt in workload["debts"])


def until_paid(world: World, daemon: Daemon, seconds: float = 60) -> None:
    daemon.until("nothing is owed", lambda workload: workload["debts"] == [], seconds)
    daemon.wait_until("every rung holds", lambda: is_fenced(world), 10)


def accepted(world: World, step: str) -> list[dict[str, Any]]:
    """The calls of this rung that had an effect, whoever heard of it."""
    return [call for call in world.changes(CALLS[step]) if call["region"] == PRIMARY and call["status"] == 200]


def assert_stopped_once(world: World) -> None:
    assert len(accepted(world, DATABASE_STEP)) == 1, world.changes("StopDBInstance")
    assert old_database(world) == "stopped"


def assert_shown(page: str, *steps: str) -> None:
    """As `status` shows what is owed."""
    for step in steps:
        assert f"{step}: {SUBJECTS[step]} could not be fenced" in page, page


def way_out(step: str) -> str:
    return f"`pilotlightctl skip {WORKLOAD} --step {step} --reason '...'`"


def lines(daemon: Daemon, *words: str) -> list[str]:
    return [line for line in daemon.log().splitlines() if all(word in line for word in words)]


def mend_fenced_primary(world: World) -> None:
    """Its region is well again; behind its load balancer is nobody, and the fence's rule answers 503."""
    world.mend_primary()
    world.primary.alb.mode = "503"


def bring_home(world: World, daemon: Daemon) -> None:
    daemon.order("ack", "--loss-reviewed")
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.wait_until("the load balancer is open", lambda: not world.writes_held(world.primary), 60)
    world.primary.alb.mode = "ok"
    daemon.until_phase("healthy", 150)


def remove_rule(world: World) -> None:
    """Somebody opens the primary's load balancer."""
    elb = world.client("elbv2", PRIMARY)
    rules = elb.describe_rules(ListenerArn=world.primary.listener)["Rules"]
    (rule,) = (one for one in rules if not one["IsDefault"])
    elb.delete_rule(RuleArn=rule["RuleArn"])
