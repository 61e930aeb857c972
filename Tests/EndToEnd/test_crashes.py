"""kill -9 anywhere: the run is finished from the world as it is found, and the replica is promoted once."""

from __future__ import annotations

import random
import time

import pytest

from aurora import BOTH_KINDS
from aws.client import Control
from checks import assert_failed_over, assert_home, assert_promoted_once, fail_over
from settings import WORKLOAD
from world import REPLICA, World


@pytest.mark.parametrize("seed", range(20))
def test_a_kill_at_a_random_moment_of_a_failover_ends_in_dr_active_with_one_promotion(
    world: World, start, seed: int
) -> None:
    daemon = start(world)
    secret = world.secret(world.dr)
    world.break_primary()
    time.sleep(random.Random(seed).uniform(0.5, 12.0))
    daemon.kill()
    daemon.start()
    daemon.until_phase("dr-active", 90)
    assert_failed_over(world, secret)


@BOTH_KINDS
def test_many_kills_in_one_failover_end_in_dr_active_with_one_promotion(world: World, start) -> None:
    daemon = start(world)
    secret = world.secret(world.dr)
    world.break_primary()
    dice = random.Random(4711)
    for _ in range(6):
        time.sleep(dice.uniform(0.3, 3.0))
        daemon.kill()
        daemon.start()
    daemon.until_phase("dr-active", 90)
    assert_failed_over(world, secret)


@pytest.mark.parametrize("action", [
    "UpdateAutoScalingGroup", "PutSecretValue", "PromoteReadReplica", "ChangeResourceRecordSets", "Publish"])
def test_a_kill_while_the_request_is_on_its_way_repeats_it(world: World, aws: Control, start, action: str) -> None:
    """F76-F81, the request never arrived."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault("hold", action=action)
    world.break_primary()
    daemon.wait_until(f"{action} is held", lambda: aws.struck(fault) >= 1, 40)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 120)
    assert_failed_over(world, secret)


@pytest.mark.parametrize("action", [
    "UpdateAutoScalingGroup", "PutSecretValue", "PromoteReadReplica", "ChangeResourceRecordSets", "Publish"])
def test_a_kill_before_the_answer_comes_does_not_repeat_what_was_done(
    world: World, aws: Control, start, action: str
) -> None:
    """F76-F81, the request was carried out and nobody heard."""
    daemon = start(world)
    secret = world.secret(world.dr)
    fault = aws.fault("hold-answer", action=action)
    world.break_primary()
    daemon.wait_until(f"{action} was carried out", lambda: aws.struck(fault) >= 1 and world.changes(action), 40)
    daemon.kill()
    aws.lift(fault)
    daemon.start()
    daemon.until_phase("dr-active", 120)
    assert_failed_over(world, secret)
    if action == "PromoteReadReplica":
        assert len(world.changes(action)) == 1
    if action == "PutSecretValue":
        assert len([call for call in world.changes(action) if call["status"] == 200]) == 1


def test_a_promotion_that_shows_late_is_not_asked_for_twice(world: World, aws: Control, start) -> None:
    """RDS answers, and for seconds the instance still looks like an untouched replica; the daemon dies in between."""
    daemon = start(world)
    aws.configure(promote_accept=5)
    world.break_primary()
    daemon.wait_until("the promotion", lambda: world.promotions() == [REPLICA], 40)
    daemon.kill()
    daemon.start()
    daemon.until_phase("dr-active", 90)
    assert len(world.changes("PromoteReadReplica")) == 1
    assert_promoted_once(world)


def test_a_kill_in_dr_active_stays_in_dr_active(world: World, start) -> None:
    daemon = start(world)
    fail_over(world, daemon)
    before = len(world.changes())
    daemon.kill()
    world.mend_primary()
    daemon.start()
    daemon.stays(lambda: daemon.status()["phase"] == "dr-active", 4)
    assert len(world.changes()) == before


@BOTH_KINDS
@pytest.mark.parametrize("seed", range(3))
def test_kills_in_a_failback_end_in_healthy_with_nothing_deleted(world: World, start, seed: int) -> None:
    daemon = start(world)
    secret = world.secret(world.primary)
    fail_over(world, daemon)
    world.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    daemon.order("failback", "--confirm", WORKLOAD)
    dice = random.Random(seed)
    for _ in range(3):
        time.sleep(dice.uniform(1.0, 9.0))
        daemon.kill()
        daemon.start()
    daemon.until_phase("healthy", 150)
    assert_home(world, secret)


def test_sigterm_in_the_middle_stops_cleanly_and_the_next_start_goes_on(world: World, start) -> None:
    """F93."""
    daemon = start(world)
    secret = world.secret(world.dr)
    world.break_primary()
    daemon.until_phase("failing-over", 20)
    time.sleep(1)
    assert daemon.terminate(10) == 0
    daemon.start()
    daemon.until_phase("dr-active", 90)
    assert_failed_over(world, secret)
