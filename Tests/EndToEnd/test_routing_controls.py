"""Traffic that moves by routing controls of Application Recovery Controller: whichever endpoints of the cluster are away, both
controls are turned in one update, once, or it is said why not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aws.client import Control
from aws.routing_controls import REGIONS, SERVICE
from checks import assert_failed_over, assert_home, assert_order, assert_promoted_once, fail_over
from daemon import PATIENCE, Daemon
from live_check import NOT_READY, READY, Check
from settings import WORKLOAD
from world import AWAY_CONTROL, GATE_CONTROL, HOME_CONTROL, PRIMARY, World
from wrapper_support import refusal

SHIFT, GET, UPDATE = "shift-traffic", "GetRoutingControlState", "UpdateRoutingControlStates"
TO_DR, TO_PRIMARY = {HOME_CONTROL: "Off", AWAY_CONTROL: "On"}, {HOME_CONTROL: "On", AWAY_CONTROL: "Off"}
#: As the daemon asks them when none has answered yet.
ORDER = [*(region for region in REGIONS if region != PRIMARY), PRIMARY]
UNAVAILABLE = {
    "kind": "error", "status": 503, "code": "EndpointTemporarilyUnavailableException",
    "message": "The cluster endpoint isn't available. Try another cluster endpoint."}
INTERNAL = {"kind": "error", "status": 500, "code": "InternalServerException", "message": "There was an unexpected error"}


@pytest.fixture
def world(aws: Control) -> Iterator[World]:
    built = World(aws, traffic="controls")
    yield built
    built.close()


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


# Endpoints that are away


@pytest.mark.parametrize("kinds", [
    ("reset", "black-hole"), ("black-hole", "reset"), ("black-hole", "black-hole")], ids="-".join)
def test_two_dead_endpoints_of_five_cost_seconds(world: World, aws: Control, start, kinds: tuple[str, str]) -> None:
    """F44: the two that answered so far, from the moment on at which the controls are to be turned."""
    daemon = start(world)
    secret = world.secret(world.dr)
    before_the_traffic(world, daemon)
    since = aws.mark()
    dead = [aws.fault(kind, region=region, service=SERVICE) for kind, region in zip(kinds, ORDER, strict=False)]
    world.dr.alb.mode = "ok"
    daemon.until_phase("dr-active", 60)
    (done,) = accepted(world)
    calls = asked(world, since)
    assert all(aws.struck(fault) for fault in dead) and done["region"] not in ORDER[:2]
    assert done["at"] - calls[0]["at"] < 12 * PATIENCE, calls
    # Who answered is asked first from now on.
    daemon.ctl("plan", "failback")
    later = {call["region"] for call in asked(world, done["n"])}
    assert later == {done["region"]}, later
    aws.lift()
    assert_moved_once(world, secret)


@pytest.mark.parametrize("kind", ["reset", "black-hole"])
def test_an_endpoint_that_tells_and_does_not_turn_is_left_for_another(
    world: World, aws: Control, start, kind: str
) -> None:
    """F44: it answers every look, so that it would be asked first for ever."""
    daemon = start(world)
    secret = world.secret(world.dr)
    dead = [aws.fault(kind, region=region, service=SERVICE, action=UPDATE) for region in ORDER[:2]]
    fail_over(world, daemon, 90)
    assert aws.struck(dead[0]) >= 1
    assert_moved_once(world, secret)


@pytest.mark.slow
def test_the_lost_region_and_another_endpoint_hold_nothing_up(world: World, aws: Control, start) -> None:
    """F44: the endpoint of the primary's region is asked last of all."""
    daemon = start(world)
    secret = world.secret(world.dr)
    lost = world.lose_primary_region()
    aws.fault("black-hole", region=ORDER[0], service=SERVICE)
    daemon.until_phase("dr-active", 180)
    assert all(call["region"] != PRIMARY for call in asked(world, world.built))
    aws.lift(lost)
    assert_failed_over(world, secret, fenced=False)
    assert_turned(world, TO_DR)


@pytest.mark.parametrize(("alive", "action"), [(ORDER[2], "*"), (ORDER[4], UPDATE)], ids=["third", "last"])
def test_one_endpoint_of_five_is_enough(world: World, aws: Control, start, alive: str, action: str) -> None:
    """F44: four say that another one is to be asked."""
    daemon = start(world)
    secret = world.secret(world.dr)
    faults = [
        aws.fault(**UNAVAILABLE, region=region, service=SERVICE, action=action) for region in ORDER if region != alive]
    fail_over(world, daemon)
    if action == UPDATE:
        assert all(aws.struck(fault) for fault in faults)
    assert [call["region"] for call in accepted(world)] == [alive]
    assert_moved_once(world, secret)


def test_a_daemon_that_starts_with_one_endpoint_of_five_is_armed(world: World, aws: Control, start) -> None:
    for region in ORDER[:4]:
        aws.fault("black-hole", region=region, service=SERVICE)
    daemon = start(world, arm=False)
    daemon.until("it is armed", lambda workload: workload["armed"]["ok"], 40)


@pytest.mark.parametrize(("fault", "action"), [
    ({"kind": "black-hole"}, "*"), (UNAVAILABLE, "*"), ({"kind": "reset"}, UPDATE)],
    ids=["black-hole", "unavailable", "reset"])
def test_a_cluster_that_is_away_is_waited_for(world: World, aws: Control, start, fault: dict, action: str) -> None:
    """F44: beyond what AWS promises; no person is needed once one of the five is back."""
    daemon = start(world)
    secret = world.secret(world.dr)
    before_the_traffic(world, daemon)
    dead = {region: aws.fault(**fault, region=region, service=SERVICE, action=action) for region in REGIONS}
    world.dr.alb.mode = "ok"
    until_waiting(daemon, "no endpoint")
    assert_waits(world, daemon)
    back = REGIONS[3]
    aws.lift(dead[back])
    daemon.until_phase("dr-active", 90)
    assert [call["region"] for call in accepted(world)] == [back]
    aws.lift()
    assert_moved_once(world, secret)


@pytest.mark.parametrize(("action", "faults"), [
    (GET, [{"kind": "html"}, {"kind": "huge"}, {"kind": "garbage"}, {"kind": "truncate"}]),
    (GET, [{"kind": "throttle"}, INTERNAL, {"kind": "close"}, {"kind": "reset"}]),
    (UPDATE, [{"kind": "html"}, {"kind": "huge"}, {"kind": "garbage"}, {"kind": "throttle"}]),
    (UPDATE, [INTERNAL, {"kind": "throttle"}, {"kind": "close"}, {"kind": "reset"}]),
], ids=["nonsense-look", "trouble-look", "nonsense-update", "trouble-update"])
def test_what_is_no_word_of_the_cluster_leads_to_the_next_endpoint(
    world: World, aws: Control, start, action: str, faults: list[dict[str, Any]]
) -> None:
    """F44, F47: four faults at four endpoints, and the fifth is well."""
    daemon = start(world)
    secret = world.secret(world.dr)
    before_the_traffic(world, daemon)
    laid = [
        aws.fault(**fault, region=region, service=SERVICE, action=action)
        for fault, region in zip(faults, ORDER, strict=False)]
    world.dr.alb.mode = "ok"
    daemon.until_phase("dr-active", 90)
    assert all(aws.struck(fault) for fault in laid)
    assert [call["region"] for call in accepted(world)] == [ORDER[4]]
    aws.lift()
    assert_moved_once(world, secret)


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
