"""Every fault of an API at every step of a failover. One that passes ends in dr-active with one promotion; one that stays ends
stuck, owed, or waiting, with the step and the cause in its own words. Never wrong, never silent."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aurora import BOTH_KINDS
from aws.client import Control
from checks import assert_failed_over, assert_order, assert_promoted_once
from daemon import DONE, Daemon
from world import DR, GROUP, PRIMARY, REPLICA, STANDBY, World

#: What each step asks of AWS, in the order of the plan.
CALLS = {
    "repoint-dr-secret": {"region": DR, "action": "PutSecretValue"},
    "scale-up-dr": {"region": DR, "action": "UpdateAutoScalingGroup"},
    "fence-primary": {"region": PRIMARY, "action": "UpdateAutoScalingGroup"},
    "promote-replica": {"region": DR},
    "verify-dr-targets": {"region": DR, "action": "DescribeTargetHealth"},
    "shift-traffic": {"region": "us-east-1", "action": "ChangeResourceRecordSets"},
    "announce": {"region": DR, "action": "Publish"},
}
PROMOTE = "promote-replica"
ALL = tuple(CALLS)
OTHERS = tuple(step for step in CALLS if step != PROMOTE)

#: One answer says that our clock is wrong, and lies.
SKEW = [
    {"kind": "skew", "seconds": 1200},
    {"kind": "error", "status": 403, "code": "SignatureDoesNotMatch", "message": "Signature expired"},
]

# By name: the rules, the steps that meet them, how often each strikes, and the word for it in the log. The client asks three
# times by itself where that is safe, so a step hears of what strikes more often. A promotion whose outcome is not known costs
# half a minute, and test_faults.py has most of them: here are the others.
PASSING: dict[str, tuple[list[dict[str, Any]], tuple[str, ...], int, str | None]] = {
    "latency": ([{"kind": "latency", "seconds": 2}], ALL, 2, None),
    "throttling": ([{"kind": "throttle"}], ALL, 5, "Throttl"),
    "5xx": ([{"kind": "error", "status": 503}], OTHERS, 3, "InternalFailure"),
    "reset": ([{"kind": "reset"}], OTHERS, 1, "reset"),
    "no-answer": ([{"kind": "black-hole"}], ("repoint-dr-secret", "scale-up-dr", "fence-primary"), 1, "timeout"),
    "no-answer-late": ([{"kind": "black-hole"}], ("verify-dr-targets", "shift-traffic", "announce"), 1, "timeout"),
    "truncated": ([{"kind": "truncate"}], ALL, 1, "reset"),
    "huge": ([{"kind": "huge"}], OTHERS, 1, "TooLarge"),
    "huge-promotion": ([{"kind": "huge"}], (PROMOTE,), 1, "TooLarge"),
    "html": ([{"kind": "html"}], OTHERS, 1, "UnreadableAnswer"),
    "expired-token": ([{"kind": "expired-token"}], ALL, 3, "ExpiredToken"),
    "skewed-clock": (SKEW, ALL, 2, "SignatureDoesNotMatch"),
}

#: A read is asked again without a word to the step: nothing of it is worth a line.
SILENT = {("reset", "verify-dr-targets"), ("no-answer-late", "verify-dr-targets"), ("truncated", "verify-dr-targets")}


def call_of(world: World, step: str) -> dict[str, Any]:
    """As `CALLS`, with what promotes a database of this kind."""
    return {**CALLS[step], **({"action": world.promotes[0]} if step == PROMOTE else {})}


def told(daemon: Daemon, step: str, word: str) -> list[str]:
    """Warnings of the log that name the step and what met it."""
    return re.findall(f"^.* WARNING .* {step}: .*{word}.*$", daemon.log(), re.MULTILINE)


def assert_debts_paid(world: World, daemon: Daemon) -> None:
    """A fence that took longer than its bound is owed, and paid as soon as it can be."""
    daemon.until("nothing is owed", lambda workload: workload["debts"] == [], 60)
    assert world.sizes(world.primary) == STANDBY


@BOTH_KINDS
@pytest.mark.parametrize("name", PASSING)
@pytest.mark.slow
def test_a_fault_that_passes_delays_every_step_and_changes_nothing_else(
    world: World, aws: Control, start, name: str
) -> None:
    """F28, F29, F47, F49, and the clock: the same fault at every step of one failover."""
    rules, steps, count, word = PASSING[name]
    daemon = start(world)
    secret = world.secret(world.dr)
    laid = {step: [aws.fault(**rule, **call_of(world, step), count=count) for rule in rules] for step in steps}
    world.break_primary()
    daemon.until_phase("dr-active", 150)
    for step, faults in laid.items():
        assert all(aws.struck(fault) for fault in faults), f"{step} never met it"
        if word and (name, step) not in SILENT:
            assert told(daemon, step, word), f"{step} met it and is silent about it"
    aws.lift()
    assert_debts_paid(world, daemon)
    assert_failed_over(world, secret)
    assert_order(world, "PutSecretValue", world.promotes[0], "ChangeResourceRecordSets", "Publish")


@pytest.mark.slow
def test_every_fault_that_passes_only_delays_the_switch_object(aws: Control, start) -> None:
    """F28, F29, F47, F49: one after the other, at one step. The body that breaks off comes last, for it was carried out."""
    world = World(aws, traffic="switch")
    faults: list[dict[str, Any]] = [
        SKEW[1], {"kind": "throttle"}, {"kind": "error", "status": 503}, {"kind": "expired-token"}, {"kind": "html"},
        {"kind": "huge"}, {"kind": "reset"}, {"kind": "latency", "seconds": 12}, {"kind": "truncate"}]
    try:
        daemon = start(world)
        secret = world.secret(world.dr)
        aws.fault(**SKEW[0], action="PutObject", count=1)
        for earlier, fault in enumerate(faults):
            aws.fault(**fault, action="PutObject", skip=earlier, count=1)
        world.break_primary()
        daemon.until_phase("dr-active", 150)
        calls = world.changes("PutObject")
        assert [call["fault"] for call in calls[:len(faults)]] == [fault["kind"] for fault in faults], calls
        assert len([call for call in calls if call["status"] == 200]) == 1, calls
        aws.lift()
        assert_failed_over(world, secret)
    finally:
        world.close()


@pytest.mark.parametrize("step", ["repoint-dr-secret", "scale-up-dr", "verify-dr-targets", "shift-traffic"])
def test_a_step_that_is_denied_for_ever_is_stuck_until_a_person_retries(aws: Control, start, step: str) -> None:
    """F46; test_faults.py has the promotion and the records."""
    world = World(aws, traffic="switch")
    call = {"region": DR, "action": "PutObject"} if step == "shift-traffic" else CALLS[step]
    try:
        daemon = start(world)
        secret = world.secret(world.dr)
        fault = aws.fault("denied", **call)
        world.break_primary()
        workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 40)
        assert workload["stuck"]["step"] == step and workload["incident"]["standing"] == "stuck", workload
        tried = aws.struck(fault)
        daemon.stays(lambda: daemon.steps()[step] == "stuck" and world.serving() == "primary", 2)
        assert aws.struck(fault) == tried, "it must not be tried again blindly"
        assert re.search(f"stuck at {step}: AccessDenied.*{call['action']}", daemon.explain()), daemon.explain()
        assert f"pilotlightctl skip django-app --step {step}" in daemon.explain()
        aws.lift(fault)
        daemon.order("retry", reason="the policy was mended", expect=DONE)
        daemon.until_phase("dr-active")
        assert_failed_over(world, secret)
    finally:
        world.close()


def test_a_step_with_a_bound_that_is_denied_for_ever_holds_nothing_up(world: World, aws: Control, start) -> None:
    """F46: what could not be done is owed, or shown as given up."""
    daemon = start(world)
    fence = aws.fault("denied", **CALLS["fence-primary"])
    aws.fault("denied", **CALLS["announce"])
    aws.fault("denied", region=DR, action="DescribeRules")
    world.break_primary()
    workload = daemon.until_phase("dr-active", 40)
    assert_promoted_once(world)
    assert world.serving() == "dr" and world.announcements() == []
    assert daemon.steps()["fence-primary"] == "owed"
    (debt,) = workload["debts"]
    assert debt["what"].startswith(f"group {GROUP} in {PRIMARY} could not be fenced: AccessDenied"), debt
    assert "CRITICAL" in next(line for line in daemon.log().splitlines() if "could not be fenced" in line)
    page = daemon.ctl("status").stdout
    assert f"fence-primary: group {GROUP} in {PRIMARY} could not be fenced" in page, page
    assert re.search(r"announce +done .* given up: AccessDenied", page), page
    assert re.search(r"release-dr-writes +done .* our own probe of the dr load balancer succeeds", page), page
    aws.lift(fence)
    assert_debts_paid(world, daemon)


@BOTH_KINDS
@pytest.mark.parametrize("step", ["scale-up-dr", PROMOTE, "verify-dr-targets", "shift-traffic"])
@pytest.mark.slow
def test_a_step_that_never_gets_an_answer_waits_and_goes_on_by_itself(
    world: World, aws: Control, start, step: str
) -> None:
    """F29: nothing is taken for done, nothing after it begins, and no person is needed once it answers again."""
    daemon = start(world)
    secret = world.secret(world.dr)
    call = call_of(world, step)
    fault = aws.fault("hold", **call)
    world.break_primary()
    daemon.wait_until("it says so", lambda: told(daemon, step, f"timeout: {call['action']}"), 50)
    workload = daemon.status()
    assert workload["phase"] == "failing-over" and workload["incident"]["standing"] == "running", workload
    states = [(name, state) for name, state in daemon.steps().items() if name != "release-dr-writes"]  # it goes on beside the promotion
    now = states.index((step, "running"))
    assert {state for _, state in states[:now]} == {"done"} and {state for _, state in states[now + 1:]} == {"waiting"}, states
    assert f"{step} is running" in daemon.explain() and world.serving() == "primary"
    assert world.promotions() == ([REPLICA] if step in ("verify-dr-targets", "shift-traffic") else [])
    aws.lift(fault)
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)


@pytest.mark.parametrize(("step", "rule", "cause"), [
    ("scale-up-dr", {"kind": "hold"}, "timed out"),
    ("shift-traffic", {"kind": "error", "status": 503}, "InternalFailure"),
    ("verify-dr-targets", {"kind": "throttle"}, "Throttling"),
], ids=["hold", "error", "throttle"])
def test_why_a_step_waits_is_shown_and_not_in_the_log_alone(
    world: World, aws: Control, start, step: str, rule: dict, cause: str
) -> None:
    daemon = start(world)
    fault = aws.fault(**rule, **CALLS[step])
    world.break_primary()
    daemon.wait_until("it says so", lambda: told(daemon, step, cause), 50)
    page = daemon.ctl("status").stdout + daemon.explain()
    aws.lift(fault)
    assert cause in page, page
