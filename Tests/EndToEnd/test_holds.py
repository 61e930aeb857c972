"""When it must not fail over, and what it says then."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_promoted_once, assert_untouched, fail_over, gate_asks, seen_up
from daemon import DONE, REFUSED
from world import ACCOUNT, DR, REPLICA, World


def test_a_daemon_cut_off_from_everything_is_blind_and_moves_nothing(world: World, start) -> None:
    """F17."""
    daemon = start(world)
    fault = world.cut_network()
    daemon.until("it knows that it is blind", lambda workload: workload["assessment"]["verdict"] == "blind", 45)
    daemon.stays(lambda: daemon.status()["phase"] in ("healthy", "degraded"), 5)
    assert "blind" in daemon.explain() or "our own" in daemon.explain()
    world.primary.alb.mode = world.dr.alb.mode = "ok"
    world.control.lift(fault)
    daemon.until("it sees again", lambda workload: workload["assessment"]["verdict"] == "up", 30)
    daemon.until_phase("healthy", 20)
    assert_untouched(world)


def test_vantages_that_contradict_the_probe_hold_the_failover(world: World, aws: Control, start) -> None:
    """F18, F23: only our own probes fail; targets are healthy and the region's API answers."""
    daemon = start(world)
    aws.targets(world.primary.target_group, "healthy")
    world.primary.alb.mode = "refused"
    daemon.until_phase("degraded", 10)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded", 5)
    assert_untouched(world)
    aws.targets(world.primary.target_group, "unhealthy")
    daemon.until_phase("failing-over", 15)


def test_one_dead_address_of_the_load_balancer_is_told_and_is_no_outage(world: World, start) -> None:
    """F12: it serves at one of its two addresses; when that one dies too, it is down."""
    port = world.primary.alb.port
    addresses = {
        "primary.alb.url": f"http://alb.test:{port}/health",
        "primary.alb.resolve": [f"alb.test:{port}:127.0.0.1,127.0.0.2"],
    }
    daemon = start(world, **addresses)
    daemon.until("it is told", lambda workload: "address" in (workload["diagnosis"] or ""), 10)
    daemon.stays(lambda: daemon.status()["phase"] == "degraded", 5)
    assert "1 of 2 addresses serve, not 127.0.0.2 (refused)" in daemon.explain()
    assert_untouched(world)
    fail_over(world, daemon)
    assert_promoted_once(world)


def test_lag_beyond_the_rpo_holds_until_the_loss_is_accepted(world: World, aws: Control, start) -> None:
    """F37."""
    aws.lag(DR, REPLICA, "constant", seconds=900)
    daemon = seen_up(start(world, arm=False))
    secret = world.secret(world.dr)
    world.break_primary()
    gate_asks(daemon)
    workload = daemon.status()
    assert workload["loss"]["seconds"] >= 890
    assert world.promotions() == [] and world.serving() == "primary"
    assert "accept-data-loss" in daemon.explain()
    refusal = daemon.order("approve", expect=REFUSED)
    assert "accept-data-loss" in refusal
    daemon.stays(lambda: world.promotions() == [], 3)
    daemon.order("approve", "--accept-data-loss", reason="fifteen minutes are better than none", expect=DONE)
    daemon.until_phase("dr-active")
    assert_failed_over(world, secret)
    assert "fifteen minutes are better than none" in daemon.ctl("history").stdout


@pytest.mark.parametrize("script", [
    {"mode": "minus-one"}, {"mode": "absent"}, {"mode": "stale", "age": 600, "seconds": 1},
], ids=lambda script: script["mode"])
def test_unknown_lag_is_never_taken_for_zero(world: World, aws: Control, start, script: dict) -> None:
    """F34, F35."""
    aws.lag(DR, REPLICA, **script)
    daemon = seen_up(start(world, arm=False))
    world.break_primary()
    gate_asks(daemon)
    daemon.stays(lambda: world.promotions() == [], 3)
    loss = daemon.status()["loss"]
    assert loss["confidence"] == "unknown" or loss["seconds"] > 300
    assert world.serving() == "primary"


def test_high_lag_with_a_serving_primary_is_no_reason_to_fail_over(world: World, aws: Control, start) -> None:
    daemon = start(world)
    aws.lag(DR, REPLICA, "constant", seconds=4000)
    daemon.until("the lag shows", lambda workload: (workload["lag"] or {}).get("seconds") == 4000, 10)
    daemon.stays(lambda: daemon.status()["phase"] in ("healthy", "degraded"), 5)
    assert_untouched(world)


def test_policy_promote_goes_on_beyond_the_rpo(world: World, aws: Control, start) -> None:
    aws.lag(DR, REPLICA, "constant", seconds=900)
    daemon = seen_up(start(world, arm=False, **{"decision.onRpoBreach": "promote"}))
    fail_over(world, daemon)
    assert_promoted_once(world)


def test_a_pause_prevents_a_failover_and_its_end_begins_a_fresh_window(world: World, start) -> None:
    daemon = start(world, **{"detection.confirmFor": "4s"})
    daemon.order("pause", reason="maintenance of the load balancer", expect=DONE)
    assert daemon.status()["paused"] is True
    world.break_primary()
    daemon.stays(lambda: daemon.status()["phase"] in ("healthy", "degraded"), 7)
    assert_untouched(world)
    assert "maintenance of the load balancer" in daemon.explain()
    resumed = time.time()
    daemon.order("resume", expect=DONE)
    daemon.until_phase("failing-over", 20)
    daemon.wait_until("the first change", lambda: world.changes(), 10)
    assert world.changes()[0]["at"] - resumed >= 4


def test_a_pause_survives_a_restart(world: World, start) -> None:
    daemon = start(world)
    daemon.order("pause", reason="over the weekend", expect=DONE)
    daemon.kill()
    world.break_primary()
    daemon.start()
    assert daemon.status()["paused"] is True
    daemon.stays(lambda: daemon.status()["phase"] in ("healthy", "degraded"), 4)
    assert_untouched(world)


def test_a_pause_in_the_middle_of_a_failover_stops_it_before_the_promotion(world: World, aws: Control, start) -> None:
    daemon = start(world, mode="approve")
    world.break_primary()
    gate_asks(daemon)
    daemon.order("pause", reason="wait", expect=DONE)
    # Paused it asks nothing, so that there is nothing to answer.
    assert "the gate has not asked yet: paused" in daemon.order("approve", expect=REFUSED)
    daemon.stays(lambda: world.promotions() == [], 4)
    daemon.order("resume", expect=DONE)
    gate_asks(daemon)
    daemon.order("approve", expect=DONE)
    daemon.until_phase("dr-active")
    assert_promoted_once(world)


def test_a_cold_start_during_an_outage_is_not_a_failover(world: World, start) -> None:
    """A configuration whose primary was never seen serving is not armed."""
    world.break_primary()
    daemon = start(world, arm=False)
    daemon.stays(lambda: daemon.status()["phase"] in ("healthy", "degraded"), 6)
    assert daemon.status()["armed"]["ok"] is False
    assert_untouched(world)


def test_a_restart_during_an_outage_fails_over_after_a_fresh_window(world: World, start) -> None:
    daemon = start(world, **{"detection.confirmFor": "3s"})
    daemon.kill()
    world.break_primary()
    daemon.start()
    daemon.until_phase("dr-active")
    assert_promoted_once(world)


def test_after_a_failover_none_starts_by_itself_until_acknowledged(world: World, start) -> None:
    daemon = start(world)
    fail_over(world, daemon)
    assert daemon.status()["holdDownUntil"] is not None
    daemon.order("ack", "--loss-reviewed")
    assert daemon.status()["holdDownUntil"] is not None, "who has looked for the lost writes has not said: go on"
    daemon.order("ack", expect=DONE)
    daemon.order("ack", expect=REFUSED)
    assert daemon.status()["holdDownUntil"] is None


def test_another_account_behind_the_credentials_stops_it_from_acting(world: World, aws: Control, start) -> None:
    daemon = start(world)
    aws.fault("replace", service="sts", **{"from": ACCOUNT, "to": "999999999999"})
    daemon.until("it is not armed any more", lambda workload: not workload["armed"]["ok"], 20)
    world.break_primary()
    daemon.stays(lambda: world.promotions() == [] and world.changes() == [], 6)
    assert "999999999999" in daemon.explain() or "account" in daemon.explain()


def test_a_replica_that_is_gone_shows_before_any_disaster_and_refuses_the_failover(world: World, start) -> None:
    """F33."""
    daemon = start(world)
    world.delete_database(DR, REPLICA)
    daemon.until("it is not armed any more", lambda workload: not workload["armed"]["ok"], 15)
    before = len(world.changes())
    world.break_primary()
    daemon.stays(lambda: daemon.status()["phase"] in ("healthy", "degraded"), 5)
    assert len(world.changes()) == before


def test_a_frozen_daemon_throws_its_old_evidence_away(world: World, start) -> None:
    """F57: after a gap a fresh confirmation window passes before anything is done."""
    daemon = start(world, **{"detection.confirmFor": "5s", "detection.timeGap": "1s"})
    daemon.process.send_signal(signal.SIGSTOP)
    world.break_primary()
    time.sleep(7)
    woken = time.time()
    daemon.process.send_signal(signal.SIGCONT)
    daemon.until_phase("failing-over", 30)
    daemon.wait_until("the first change", lambda: world.changes(), 10)
    assert world.changes()[0]["at"] - woken >= 5


@pytest.mark.slow
def test_a_veto_command_holds_the_promotion_until_it_consents(world: World, start, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = tmp_path / "may-promote"
    command.write_text(f"""#!/bin/sh
env | grep ^PILOTLIGHT_ > {told}
test -e {tmp_path}/go && echo "the night shift agrees" && exit 0
echo "a migration is running"
exit 1
""")
    command.chmod(0o755)
    daemon = start(world, **{"decision.veto.command": [str(command)], "decision.veto.timeout": "5s"})
    world.break_primary()
    gate_asks(daemon)
    assert "a migration is running" in daemon.explain()
    daemon.stays(lambda: world.promotions() == [], 3)
    variables = dict(line.split("=", 1) for line in told.read_text().splitlines())
    assert variables["PILOTLIGHT_INCIDENT"] == daemon.status()["incident"]["id"]
    assert variables["PILOTLIGHT_DR_REGION"] == DR and variables["PILOTLIGHT_LOSS_SECONDS"].isdigit()
    assert not any("AWS" in name for name in variables)
    (tmp_path / "go").touch()
    daemon.until_phase("dr-active", 90)
    assert_promoted_once(world)
    history = daemon.ctl("history").stdout
    assert "a migration is running" in history and "the night shift agrees" in history


def test_a_veto_is_overruled_by_a_person(world: World, start) -> None:
    daemon = start(world, **{"decision.veto.command": ["/bin/false"]})
    world.break_primary()
    gate_asks(daemon)
    daemon.order("approve", reason="the command is wrong", expect=DONE)
    daemon.until_phase("dr-active")
    assert "the command is wrong" in daemon.ctl("history").stdout


def test_preparation_is_taken_over_or_taken_back(world: World, start) -> None:
    """A blip: instances are started and stopped again. An outage: they are there before it is confirmed."""
    daemon = start(world, **{"decision.prepareWhenDegraded": True, "detection.confirmFor": "6s"})
    world.break_primary()
    daemon.until("it prepares", lambda workload: workload["surplus"] is not None, 20)
    surplus = daemon.status()["surplus"]
    assert surplus["region"] == DR and surplus["instances"] == 2
    assert "ready at a cost" in daemon.ctl("status").stdout
    world.mend_primary()
    daemon.until_phase("healthy", 30)
    assert world.promotions() == [] and world.sizes(world.dr)[1] == 0
    world.break_primary()
    daemon.until_phase("dr-active", 90)
    assert_promoted_once(world)


def test_past_incidents_are_explained(world: World, start) -> None:
    daemon = start(world, **{"detection.confirmFor": "6s"})
    world.break_primary()
    daemon.until_phase("degraded", 10)
    world.mend_primary()
    daemon.until_phase("healthy", 20)
    world.break_primary()
    daemon.until_phase("dr-active", 90)
    rows = json.loads(daemon.ctl("history", "--json").stdout)
    blip, failover = sorted({row["incident"] for row in rows if row["incident"]})
    told = daemon.ctl("explain", "--incident", blip).stdout
    assert "without a failover: it was over before it was confirmed" in told, told
    told = daemon.ctl("explain", "--incident", failover).stdout
    assert told.startswith("a failover, decided by the daemon: service was out for "), told
    assert "failed over because the outage was confirmed and corroborated" in told and "promote-replica" in told, told
    unknown = daemon.ctl("explain", "--incident", "20010101T000000-nothing")
    assert unknown.returncode != 0 and "has no incident" in unknown.stderr, unknown
