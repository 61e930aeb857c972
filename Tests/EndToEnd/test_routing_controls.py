"""Traffic that moves by routing controls of Application Recovery Controller: both are turned in one update, once, as soon as the
cluster allows it, or it is said why not. test_routing_endpoints.py has what becomes of the cluster itself."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aws.client import Control
from aws.routing_controls import SERVICE
from checks import assert_failed_over, assert_home, assert_order, assert_promoted_once, fail_over
from daemon import Daemon
from live_check import NOT_READY, READY, Check
from routing_support import (
    GET, SHIFT, TO_DR, TO_PRIMARY, UPDATE, accepted, assert_moved_once, assert_turned, assert_waits, before_the_traffic,
    turned)
from settings import WORKLOAD
from world import AWAY_CONTROL, GATE_CONTROL, HOME_CONTROL, PRIMARY, World
from wrapper_support import refusal


@pytest.fixture
def world(aws: Control) -> Iterator[World]:
    built = World(aws, traffic="controls")
    yield built
    built.close()


def test_both_controls_are_turned_in_one_update_away_and_in_one_home(world: World, aws: Control, start) -> None:
    """Each leaves one of them on: what a rule asserts that has a word in it."""
    aws.safety_rules({"name": "one-is-on", "controls": [HOME_CONTROL, AWAY_CONTROL], "atLeast": 1})
    daemon = start(world)
    secrets = world.secret(world.primary), world.secret(world.dr)
    plan = daemon.ctl("plan", "failover").stdout
    assert f"{SERVICE}:{UPDATE}" in plan, plan
    fail_over(world, daemon)
    assert_moved_once(world, secrets[1])
    assert_order(world, "PromoteReadReplica", UPDATE, "Publish")
    world.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("healthy", 150)
    assert_home(world, secrets[0])
    assert_turned(world, TO_DR, TO_PRIMARY)
    assert len(world.changes(UPDATE)) == 2


# What the cluster says


def refuse(world: World) -> str:
    """Somebody has laid a gate over both controls, which is shut; what the cluster says then."""
    arn = world.control.safety_rules(
        {"name": "hands off", "controls": [HOME_CONTROL, AWAY_CONTROL], "gates": [GATE_CONTROL]})["hands off"]
    found = refusal(lambda: world.client(SERVICE, PRIMARY).update_routing_control_states(
        UpdateRoutingControlStateEntries=[{"RoutingControlArn": AWAY_CONTROL, "RoutingControlState": "On"}]))
    world.built = world.control.mark()
    assert arn in found["Error"]["Message"]
    return found["Error"]["Message"]


def test_a_safety_rule_that_refuses_is_quoted_and_obeyed_until_it_allows(world: World, aws: Control, start) -> None:
    """F44."""
    daemon = start(world)
    secret = world.secret(world.dr)
    message = refuse(world)
    world.break_primary()
    daemon.wait_until("it is quoted", lambda: message in daemon.explain(), 60)
    assert message in daemon.ctl("status").stdout, daemon.ctl("status").stdout
    assert [line for line in daemon.log().splitlines() if SHIFT in line and message in line], daemon.log()[-4000:]
    before, began = len(world.changes(UPDATE)), time.monotonic()
    assert_waits(world, daemon)
    assert len(world.changes(UPDATE)) - before <= time.monotonic() - began + 1, "it is asked again and again"
    aws.set_routing_controls({GATE_CONTROL: "On"})
    daemon.until_phase("dr-active", 60)
    assert_moved_once(world, secret)
    assert {call["status"] for call in world.changes(UPDATE)} == {409, 200}


def test_who_turns_the_controls_by_hand_over_a_rule_lets_the_run_go_on(world: World, aws: Control, start) -> None:
    """F44: it sees that it is so."""
    daemon = start(world)
    secret = world.secret(world.dr)
    message = refuse(world)
    world.break_primary()
    daemon.wait_until("it is quoted", lambda: message in daemon.explain(), 60)
    aws.set_routing_controls(TO_DR)
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    assert_turned(world)


def test_a_rule_that_asserts_too_much_is_quoted(world: World, aws: Control, start) -> None:
    """F44: no update can obey it, but somebody may lift it."""
    daemon = start(world)
    secret = world.secret(world.dr)
    arn = aws.safety_rules({"name": "both", "controls": [HOME_CONTROL, AWAY_CONTROL], "atLeast": 2})["both"]
    world.break_primary()
    daemon.wait_until("it is quoted", lambda: f"Assertion rule 'both' ({arn}) needs at least 2" in daemon.explain(), 60)
    assert_waits(world, daemon)
    aws.safety_rules()
    daemon.until_phase("dr-active", 60)
    assert_moved_once(world, secret)


@pytest.mark.parametrize("action", [UPDATE, GET])
def test_it_is_stuck_in_its_own_words_when_it_is_denied_until_a_person_retries(
    world: World, aws: Control, start, action: str
) -> None:
    """F46: one endpoint speaks for all."""
    daemon = start(world)
    secret = world.secret(world.dr)
    before_the_traffic(world, daemon)
    fault = aws.fault("denied", action=action)
    world.dr.alb.mode = "ok"
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 60)
    assert workload["stuck"]["step"] == SHIFT, workload
    assert re.search(f"stuck at {SHIFT}: AccessDenied.*not authorized.*{action}", daemon.explain()), daemon.explain()
    assert f"pilotlightctl skip django-app --step {SHIFT}" in daemon.explain()
    tried = len(world.changes(UPDATE))
    assert tried == (1 if action == UPDATE else 0)
    daemon.stays(lambda: daemon.steps()[SHIFT] == "stuck" and len(world.changes(UPDATE)) == tried, 3)
    aws.lift(fault)
    daemon.order("retry", reason="the policy was mended")
    daemon.until_phase("dr-active")
    assert_moved_once(world, secret)


@pytest.mark.parametrize("rule", [
    {"kind": "lost-answer"}, {"kind": "truncate"}, {"kind": "hold-answer"}, {"kind": "error-after", "status": 500}],
    ids=lambda rule: rule["kind"])
def test_an_update_whose_answer_is_lost_is_looked_for_and_not_repeated(
    world: World, aws: Control, start, rule: dict[str, Any]
) -> None:
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault(**rule, action=UPDATE, count=1)
    fail_over(world, daemon)
    assert aws.struck(fault) == 1
    assert_moved_once(world, secret)
    assert len(world.changes(UPDATE)) == 1


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
def test_a_kill_while_they_are_turned_moves_users_once(world: World, aws: Control, start, kind: str) -> None:
    """F79."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault(kind, action=UPDATE)
    world.break_primary()
    daemon.wait_until("they are turned", lambda: aws.struck(fault) >= 1, 40)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 60)
    assert_moved_once(world, secret)


# Before any disaster


def test_what_the_controls_lead_to_is_proven(world: World, aws: Control, tmp_path: Path) -> None:
    daemon = Daemon(world, tmp_path)
    assert Check(daemon, READY).items["traffic"][0] == "ready"
    for states in ({AWAY_CONTROL: "On"}, {HOME_CONTROL: "Off"}, {AWAY_CONTROL: "Off"}):
        aws.set_routing_controls(states)
        check = Check(daemon, NOT_READY)
        assert check.words("NOT READY") == ["traffic"] and "routing control" in check.items["traffic"][1], check.text
    aws.set_routing_controls(TO_PRIMARY)
    aws.ask("POST", "simulate", {"denied": [f"{SERVICE}:{UPDATE}"]})
    check = Check(daemon, NOT_READY)
    assert check.words("NOT READY") == ["permissions"], check.text
    assert f"{SERVICE}:{UPDATE} on arn:aws:route53-recovery-control::" in check.items["permissions"][1], check.text
    aws.ask("POST", "simulate", {"denied": []})
    for control in (AWAY_CONTROL, HOME_CONTROL):
        aws.set_routing_controls({control: None})
        check = Check(daemon, NOT_READY)
        assert check.words("NOT READY") == ["traffic"] and "does not exist" in check.items["traffic"][1], check.text
        assert control in check.items["traffic"][1], "it is not said which"
        aws.set_routing_controls(TO_PRIMARY)


@pytest.mark.parametrize(("states", "updates"), [
    ({AWAY_CONTROL: "On"}, 1), ({HOME_CONTROL: "Off"}, 1), (TO_DR, 0)], ids=["both-on", "both-off", "turned"])
def test_what_somebody_turned_by_hand_shows_and_bars_no_failover(
    world: World, aws: Control, start, states: dict[str, str], updates: int
) -> None:
    aws.set_routing_controls(states)
    daemon = start(world, arm=False)
    daemon.until("it alone shows", lambda workload: [
        "routing control" in reason for reason in workload["armed"]["reasons"]] == [True], 30)
    secret = world.secret(world.dr)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    assert [turned(call) for call in accepted(world)] == [TO_DR] * updates


def test_a_control_that_is_gone_is_named_before_any_disaster_and_in_it(world: World, aws: Control, start) -> None:
    aws.set_routing_controls({AWAY_CONTROL: None})
    daemon = start(world, arm=False)
    daemon.until("it alone shows", lambda workload: [
        "does not exist" in reason for reason in workload["armed"]["reasons"]] == [True], 30)
    world.break_primary()
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 60)
    assert workload["stuck"]["step"] == SHIFT and AWAY_CONTROL in daemon.explain(), daemon.explain()
    aws.set_routing_controls({AWAY_CONTROL: "Off"})
    daemon.order("retry", reason="it was made again")
    daemon.until_phase("dr-active", 30)
    assert_promoted_once(world)
    assert [turned(call) for call in accepted(world)] == [TO_DR]
