"""Orders, refusals, exit codes, configuration."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from checks import assert_untouched, fail_over
from daemon import BINARIES, DONE, FAILED, NEEDS_SOMEBODY, PATIENCE, REFUSED, USAGE, Daemon
from settings import WORKLOAD
from world import STANDBY, World


def test_status_has_the_promised_shape(world: World, start) -> None:
    daemon = start(world)
    # What a failover merely stands on is read at leisure.
    daemon.until("everything has been read", lambda workload: not workload["armed"]["unproven"], 15)
    report = json.loads(daemon.ctl("status", "--json").stdout)
    assert set(report) >= {"daemon", "workloads"}
    (workload,) = report["workloads"]
    assert set(workload) >= {
        "name", "phase", "mode", "paused", "armed", "assessment", "lag", "loss", "commitDeadline", "incident"}
    assert (workload["name"], workload["phase"], workload["mode"]) == (WORKLOAD, "healthy", "automatic")
    assert workload["paused"] is False and workload["incident"] is None and workload["commitDeadline"] is None
    assert workload["armed"] == {"ok": True, "reasons": [], "obstacles": [], "unproven": []}
    assert set(workload["assessment"]) >= {"verdict", "since", "evidence"} and workload["assessment"]["verdict"] == "up"
    assert workload["lag"]["seconds"] == pytest.approx(1, abs=1)


def test_orders_that_the_state_does_not_allow_are_refused_with_three(world: World, start) -> None:
    daemon = start(world)
    daemon.order("failback", "--confirm", WORKLOAD, expect=REFUSED)
    daemon.order("failover", "--confirm", WORKLOAD, expect=REFUSED)
    for name in ("approve", "retry", "skip", "abort", "resume", "ack"):
        daemon.order(name, expect=REFUSED)
    assert_untouched(world)


def test_orders_without_a_reason_or_a_meaning_are_usage_errors(world: World, start) -> None:
    daemon = start(world)
    for words in (["pause"], ["pause", "--reason", ""], ["no-such-order"], ["failback", "--reason", "x", "--no-such"]):
        done = daemon.ctl(*words)
        assert done.returncode == USAGE, (words, done)
    assert daemon.status()["paused"] is False


def test_a_destructive_order_names_the_workload_again(world: World, start) -> None:
    """F88."""
    daemon = start(world)
    for confirm in ([], ["--confirm", "another"]):
        done = daemon.ctl("failback", "--reason", "x", *confirm)
        assert done.returncode == USAGE, done
    assert_untouched(world)


def test_an_unreachable_daemon_is_a_failure_not_a_refusal(world: World, tmp_path: Path) -> None:
    daemon = Daemon(world, tmp_path)
    for words in (["status"], ["status", "--json"], ["pause", "--reason", "x"]):
        assert daemon.ctl(*words).returncode == FAILED


def test_questions_are_answered_in_every_phase(world: World, start) -> None:
    daemon = start(world)
    questions = [["status"], ["explain"], ["plan", "failover"], ["plan", "failback"], ["history"], ["graph"]]

    def ask() -> None:
        for words in questions:
            done = daemon.ctl(*words)
            assert done.returncode == DONE and done.stdout.strip(), (words, done)

    ask()
    plan = daemon.ctl("plan", "failover").stdout
    for finds in ("would ask autoscaling:UpdateAutoScalingGroup: ", "would ask rds:PromoteReadReplica: "):
        assert f"now: {finds}" in plan, plan
    gate = plan[plan.index(" gate "):plan.index(" fence-primary ")]
    for call in ("cloudwatch:GetMetricData in us-west-2", "sts:GetCallerIdentity in eu-west-1"):
        assert call in gate, gate
    assert "route53:GetChange in us-east-1" in plan, plan
    world.break_primary()
    daemon.until_phase("failing-over", 20)
    ask()
    daemon.until_phase("dr-active")
    ask()
    assert "promote" in daemon.ctl("history").stdout


def test_an_abort_before_the_promotion_takes_the_run_back(world: World, start) -> None:
    """F90, honoured."""
    daemon = start(world, mode="approve")
    world.break_primary()
    daemon.until("the gate asks", lambda workload: (workload["incident"] or {}).get("standing") == "waiting", 25)
    daemon.order("abort", reason="we move the users ourselves", expect=DONE)
    daemon.order("pause", reason="and stay with that", expect=DONE)
    daemon.order("resume", expect=DONE)
    daemon.wait_until("the DR group is as it was", lambda: world.sizes(world.dr) == STANDBY, 20)
    assert world.promotions() == []


def test_an_abort_after_the_promotion_is_refused(world: World, aws, start) -> None:
    """F90, refused."""
    daemon = start(world)
    aws.configure(promote_modifying=4)
    world.break_primary()
    daemon.wait_until("the promotion", lambda: world.promotions(), 40)
    assert "forward" in daemon.order("abort", expect=REFUSED)
    daemon.until_phase("dr-active")
    daemon.order("abort", expect=REFUSED)


def test_a_failover_can_be_ordered_before_the_outage_is_confirmed(world: World, start) -> None:
    daemon = start(world, **{"detection.confirmFor": "5m"})
    world.break_primary()
    daemon.until("down", lambda workload: workload["assessment"]["verdict"] == "down", 15)
    daemon.order("failover", "--confirm", WORKLOAD, reason="the data centre burns", expect=DONE)
    daemon.until_phase("dr-active")
    assert "the data centre burns" in daemon.ctl("history").stdout


def test_the_socket_is_for_its_owner_and_group_alone(world: World, start) -> None:
    """F94."""
    daemon = start(world)
    assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o660
    assert stat.S_IMODE(os.stat(daemon.directory / "ledger.db").st_mode) & 0o007 == 0


def test_a_damaged_ledger_is_refused_named_and_kept(world: World, start) -> None:
    """F66, F97: nothing is acted upon beside a record that somebody changed, and nothing of it is lost."""
    daemon = start(world)
    ledger = daemon.directory / "ledger.db"
    sound = daemon.ctl("ledger", "check", str(ledger))
    assert sound.returncode == DONE and sound.stdout.startswith("sound: "), sound
    daemon.terminate()
    with sqlite3.connect(ledger) as database:
        database.execute("UPDATE entries SET sentence = 'nothing happened' WHERE sequence = 2")
    database.close()
    before = ledger.read_bytes()
    daemon.start(wait=False)
    assert daemon.process is not None and daemon.process.wait(15 * PATIENCE) == NEEDS_SOMEBODY
    assert "chain does not hold at record 2" in daemon.log(), daemon.log()[-2000:]
    assert ledger.read_bytes() == before
    damaged = daemon.ctl("ledger", "check", str(ledger))
    assert damaged.returncode == 1 and "record 2" in damaged.stderr, damaged
    exported = daemon.ctl("ledger", "export", str(ledger))
    rows = [json.loads(line) for line in exported.stdout.splitlines()]
    assert exported.returncode == 1 and [row["sequence"] for row in rows if row["fault"]] == [2], exported


def test_history_names_who_ordered_and_why(world: World, start) -> None:
    daemon = start(world)
    daemon.order("pause", reason="a reason nobody else gives", expect=DONE)
    daemon.kill()
    daemon.start()
    assert "a reason nobody else gives" in daemon.ctl("history").stdout


# Configuration


def check(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BINARIES / "pilotlightd", "--config", daemon.config, "--check"], capture_output=True, text=True,
        timeout=20 * PATIENCE, env=daemon.environment(), cwd=daemon.directory)


def line_of(daemon: Daemon, text: str) -> int:
    lines = daemon.config.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_a_right_configuration_is_accepted(world: World, tmp_path: Path) -> None:
    daemon = Daemon(world, tmp_path)
    done = check(daemon)
    assert done.returncode == 0, done.stderr
    assert_untouched(world)


@pytest.mark.parametrize(("path", "value", "marker"), [
    ("mode", "reckless", "reckless"),
    ("objectives.rto", "30", "rto:"),
    ("objectives.rpo", "5 parsecs", "5 parsecs"),
    ("detection.confirmForr", "60s", "confirmForr"),
    ("detection.confirmFor", "59m", "rto:"),
    ("dr.region", "eu-west-1", "eu-west-1"),
    ("primary.alb.url", "not a url", "not a url"),
    ("traffic.manual", True, "manual:"),
])
def test_every_mistake_is_named_with_file_and_line_and_exits_two(
    world: World, tmp_path: Path, path: str, value: object, marker: str
) -> None:
    daemon = Daemon(world, tmp_path, {path: value})
    done = check(daemon)
    output = done.stdout + done.stderr
    assert done.returncode == 2, output
    if path == "dr.region":
        assert f"{daemon.config}:" in output and "region" in output
    else:
        assert f"{daemon.config}:{line_of(daemon, marker)}:" in output, output


def test_all_mistakes_are_named_at_once(world: World, tmp_path: Path) -> None:
    daemon = Daemon(world, tmp_path, {"mode": "reckless", "objectives.rpo": "5", "detection.nonsense": 1})
    output = check(daemon).stderr + check(daemon).stdout
    for marker in ("reckless", "rpo:", "nonsense"):
        assert f":{line_of(daemon, marker)}:" in output


@pytest.mark.parametrize("text", ["", "workloads: [", "- just\n- a list\n", "\0\1\2", "workloads: []\n"])
def test_a_file_that_is_no_configuration_stops_the_start(world: World, tmp_path: Path, text: str) -> None:
    """F83."""
    daemon = Daemon(world, tmp_path)
    daemon.config.write_text(text)
    assert check(daemon).returncode == 2
    daemon.start(wait=False)
    assert daemon.process.wait(15 * PATIENCE) != 0
    assert "pilotlight.yaml:" in daemon.log()
    daemon.config.unlink()
    assert check(daemon).returncode == 2


def test_a_right_reload_is_in_force_and_arms_anew(world: World, start) -> None:
    daemon = start(world, arm=False, mode="observe")
    daemon.until("up", lambda workload: workload["assessment"]["verdict"] == "up", 15)
    daemon.overrides["mode"] = "automatic"
    daemon.configure()
    daemon.reload()
    daemon.until("the new mode", lambda workload: workload["mode"] == "automatic", 10)
    daemon.armed()
    fail_over(world, daemon)


def test_a_wrong_reload_changes_nothing_and_names_the_line(world: World, start) -> None:
    """F84."""
    daemon = start(world)
    daemon.overrides.update({"mode": "observe", "detection.confirmFor": "soon"})
    daemon.configure()
    daemon.reload()
    daemon.wait_until(
        "the refusal", lambda: f"pilotlight.yaml:{line_of(daemon, 'soon')}:" in daemon.log(), 10)
    assert daemon.alive() and daemon.status()["mode"] == "automatic"
    fail_over(world, daemon)


def test_a_reload_in_the_middle_of_a_failover_does_not_lose_the_run(world: World, start) -> None:
    daemon = start(world)
    world.break_primary()
    daemon.until_phase("failing-over", 20)
    daemon.configure(logLevel="info")
    daemon.reload()
    daemon.until_phase("dr-active")
    assert len(world.promotions()) == 1
