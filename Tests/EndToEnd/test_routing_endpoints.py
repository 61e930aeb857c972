"""The cluster of the routing controls is asked at five endpoints: whichever of them are away, slow or mad, users are moved once, as
soon as one answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aws.client import Control
from aws.routing_controls import REGIONS, SERVICE
from checks import assert_failed_over, assert_home, fail_over
from daemon import PATIENCE
from routing_support import (
    GET, ORDER, TO_DR, TO_PRIMARY, UPDATE, accepted, asked, assert_moved_once, assert_turned, assert_waits,
    before_the_traffic, until_waiting)
from settings import WORKLOAD
from world import AWAY_CONTROL, PRIMARY, World

UNAVAILABLE = {
    "kind": "error", "status": 503, "code": "EndpointTemporarilyUnavailableException",
    "message": "The cluster endpoint isn't available. Try another cluster endpoint."}
INTERNAL = {"kind": "error", "status": 500, "code": "InternalServerException", "message": "There was an unexpected error"}


@pytest.fixture
def world(aws: Control) -> Iterator[World]:
    built = World(aws, traffic="controls")
    yield built
    built.close()


@pytest.mark.parametrize("kinds", [
    ("reset", "black-hole"), ("black-hole", "reset"), ("black-hole", "black-hole")], ids="-".join)
def test_two_dead_endpoints_of_five_cost_seconds(world: World, aws: Control, start, kinds: tuple[str, str]) -> None:
    """F44: the two that are asked first, from the moment on at which the controls are to be turned."""
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


@pytest.mark.slow
def test_two_dead_endpoints_do_not_hold_the_way_home_up(world: World, aws: Control, start) -> None:
    """F44."""
    daemon = start(world)
    secret = world.secret(world.primary)
    daemon.order("switchover", "--confirm", WORKLOAD)
    daemon.until_phase("dr-active", 120)
    assert_turned(world, TO_DR)
    for kind, region in zip(("black-hole", "reset"), ORDER, strict=False):
        aws.fault(kind, region=region, service=SERVICE)
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.until_phase("healthy", 150)
    assert_home(world, secret)
    assert_turned(world, TO_DR, TO_PRIMARY)


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


@pytest.mark.parametrize(("fault", "action", "words"), [
    ({"kind": "black-hole"}, "*", "no endpoint of the cluster answered"),
    (UNAVAILABLE, "*", "no endpoint of the cluster answered"),
    (UNAVAILABLE, UPDATE, "no endpoint of the cluster answered"),
    ({"kind": "reset"}, UPDATE, f"reset: {UPDATE} in {ORDER[0]}"),
], ids=["black-hole", "unavailable", "unavailable-update", "reset-update"])
def test_a_cluster_that_is_away_is_waited_for(
    world: World, aws: Control, start, fault: dict[str, Any], action: str, words: str
) -> None:
    """F44: beyond what AWS promises; no person is needed once one of the five is back."""
    daemon = start(world)
    secret = world.secret(world.dr)
    before_the_traffic(world, daemon)
    dead = {region: aws.fault(**fault, region=region, service=SERVICE, action=action) for region in REGIONS}
    world.dr.alb.mode = "ok"
    until_waiting(daemon, words)
    assert_waits(world, daemon)
    back = REGIONS[3]
    aws.lift(dead[back])
    daemon.until_phase("dr-active", 90)
    assert [call["region"] for call in accepted(world)] == [back]
    aws.lift()
    assert_moved_once(world, secret)


def test_endpoints_that_are_slow_are_heard_out(world: World, aws: Control, start) -> None:
    """Each of them answers every request, and within what one may take."""
    daemon = start(world)
    secret = world.secret(world.dr)
    before_the_traffic(world, daemon)
    aws.fault("latency", service=SERVICE, seconds=1.7)
    world.dr.alb.mode = "ok"
    daemon.until_phase("dr-active", 60)
    assert_moved_once(world, secret)


def test_an_endpoint_that_knows_one_control_alone_is_left_for_another(world: World, aws: Control, start) -> None:
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault("black-hole", region=ORDER[0], service=SERVICE, action=GET, params=AWAY_CONTROL)
    fail_over(world, daemon)
    assert aws.struck(fault) >= 1
    assert_moved_once(world, secret)


@pytest.mark.parametrize(("action", "faults"), [
    (GET, [{"kind": "html"}, {"kind": "huge"}, {"kind": "garbage"}, {"kind": "truncate"}]),
    (GET, [{"kind": "throttle"}, INTERNAL, {"kind": "close"}, {"kind": "reset"}]),
    (UPDATE, [{"kind": "html"}, {"kind": "huge"}, {"kind": "garbage"}, {"kind": "throttle"}]),
    (UPDATE, [INTERNAL, {"kind": "throttle"}, {"kind": "close"}, {"kind": "reset"}]),
    (GET, [{"kind": "html", "status": status} for status in (403, 404, 400, 302)]),
    (UPDATE, [{"kind": "html", "status": status} for status in (403, 404, 409, 502)]),
], ids=["nonsense-look", "trouble-look", "nonsense-update", "trouble-update", "portal-look", "portal-update"])
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
