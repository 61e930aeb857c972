"""Traffic that moves by the health check of a failover pair: whatever Route 53's control plane does, users are moved once, or it is
said why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_promoted_once
from daemon import Daemon
from world import World

SHIFT, UPDATE, GET = "shift-traffic", "UpdateHealthCheck", "GetHealthCheck"

#: The body that breaks off comes last, for it was carried out.
PASSING: list[dict[str, Any]] = [
    {"kind": "error", "status": 403, "code": "SignatureDoesNotMatch", "message": "Signature expired"}, {"kind": "throttle"},
    {"kind": "error", "status": 503}, {"kind": "expired-token"}, {"kind": "html"}, {"kind": "huge"}, {"kind": "reset"},
    {"kind": "truncate"},
]


@pytest.fixture
def world(aws: Control) -> Iterator[World]:
    built = World(aws, traffic="failover")
    yield built
    built.close()


def accepted(world: World) -> list[dict[str, Any]]:
    return [call for call in world.changes(UPDATE) if call["status"] == 200]


def page(daemon: Daemon) -> str:
    return daemon.ctl("status").stdout + daemon.explain()


def until_in_the_way(daemon: Daemon, sentence: str) -> None:
    """The primary was seen serving, and all else is well."""
    daemon.until("it alone shows", lambda workload: [
        reason.startswith(sentence) for reason in workload["armed"]["reasons"]] == [True], 30)


def assert_moved_once(world: World, secret: dict[str, Any]) -> None:
    """By the health check alone, and nothing of it but the two switches was touched."""
    assert_failed_over(world, secret)
    assert len(accepted(world)) == 1, world.changes(UPDATE)
    assert world.changes("ChangeResourceRecordSets") == []
    config = world.check_config()
    assert (config["RequestInterval"], config["FailureThreshold"], len(config["Regions"])) == (10, 2, 3), config


def test_every_fault_that_passes_only_delays_it(world: World, aws: Control, start) -> None:
    """F28, F29, F47, F49: one after the other."""
    daemon = start(world)
    secret = world.secret(world.dr)
    aws.fault("skew", seconds=1200, action=UPDATE, count=1)
    for earlier, fault in enumerate(PASSING):
        aws.fault(**fault, action=UPDATE, skip=earlier, count=1)
    world.break_primary()
    daemon.until_phase("dr-active", 150)
    calls = world.changes(UPDATE)
    assert [call["fault"] for call in calls[:len(PASSING)]] == [fault["kind"] for fault in PASSING], calls
    aws.lift()
    assert_moved_once(world, secret)


def test_a_change_whose_answer_was_lost_is_looked_for_and_not_repeated(world: World, aws: Control, start) -> None:
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault("lost-answer", action=UPDATE)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert aws.struck(fault) == 1 == len(world.changes(UPDATE))
    assert_moved_once(world, secret)


@pytest.mark.parametrize(("rule", "cause"), [
    ({"kind": "error", "status": 503, "service": "route53"}, "InternalFailure"),
    ({"kind": "throttle", "service": "route53", "action": UPDATE}, "Throttling"),
    ({"kind": "black-hole", "region": "us-east-1"}, "time"),
], ids=["error", "throttle", "black-hole"])
def test_a_control_plane_that_is_down_is_waited_for_and_named(
    world: World, aws: Control, start, rule: dict, cause: str
) -> None:
    """F42: everything else is done; no person is needed once it answers again."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault(**rule)
    world.break_primary()
    daemon.wait_until("it says so", lambda: daemon.steps().get(SHIFT) == "running" and cause in page(daemon), 60)
    workload = daemon.status()
    assert workload["phase"] == "failing-over" and workload["stuck"] is None, workload
    assert_promoted_once(world)
    assert accepted(world) == []
    aws.lift(fault)
    daemon.until_phase("dr-active", 60)
    assert_moved_once(world, secret)


@pytest.mark.parametrize("action", [UPDATE, GET])
def test_it_is_stuck_in_its_own_words_when_it_is_denied_until_a_person_retries(
    world: World, aws: Control, start, action: str
) -> None:
    """F46."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault("denied", action=action)
    world.break_primary()
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 60)
    assert workload["stuck"]["step"] == SHIFT, workload
    assert re.search(f"stuck at {SHIFT}: AccessDenied.*{action}", daemon.explain()), daemon.explain()
    assert f"pilotlightctl skip django-app --step {SHIFT}" in daemon.explain()
    assert accepted(world) == []
    aws.lift(fault)
    daemon.order("retry", reason="the policy was mended")
    daemon.until_phase("dr-active")
    assert_moved_once(world, secret)


def test_a_health_check_that_is_gone_is_named_before_any_disaster_and_in_it(world: World, start) -> None:
    world.route53.delete_health_check(HealthCheckId=world.check)
    daemon = start(world, arm=False)
    until_in_the_way(daemon, f"health check {world.check} of the traffic switch does not exist")
    world.break_primary()
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 60)
    assert workload["stuck"]["step"] == SHIFT and "NoSuchHealthCheck" in daemon.explain(), workload
    daemon.order("skip", "--step", SHIFT, reason="we changed the record by hand")
    daemon.until_phase("dr-active", 30)
    assert_promoted_once(world)


@pytest.mark.parametrize(("switches", "words"), [
    ((True, False), "disabled"), ((False, True), "inverted")], ids=["disabled", "inverted"])
def test_what_somebody_switched_by_hand_shows_and_bars_no_failover(
    world: World, start, switches: tuple[bool, bool], words: str
) -> None:
    world.set_switches(*switches)
    daemon = start(world, arm=False)
    until_in_the_way(daemon, f"health check {world.check} is {words}")
    secret = world.secret(world.dr)
    world.built = world.control.mark()
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert_moved_once(world, secret)


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
def test_a_kill_while_it_is_switched_moves_users_once(world: World, aws: Control, start, kind: str) -> None:
    """F79."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault(kind, action=UPDATE)
    world.break_primary()
    daemon.wait_until("it is switched", lambda: aws.struck(fault) >= 1, 40)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 60)
    assert_moved_once(world, secret)
