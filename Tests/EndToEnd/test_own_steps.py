"""Steps of the operator's in the plans: programs that are run, taken back and tried again, persons that are waited for."""

from __future__ import annotations

from pathlib import Path

from aws.client import Control
from checks import assert_failed_over, assert_promoted_once
from daemon import Daemon
from settings import WORKLOAD
from world import DATABASE, DR, PRIMARY, REPLICA, STANDBY, World


def program(directory: Path, name: str, body: str) -> str:
    file = directory / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return str(file)


def step(daemon: Daemon, name: str) -> dict:
    return next(step for step in daemon.status()["incident"]["steps"] if step["name"] == name)


def test_programs_run_in_their_places_and_are_told_the_run(world: World, tmp_path: Path, start) -> None:
    log = tmp_path / "told"
    tell = program(tmp_path, "tell", f'echo "$1 $PILOTLIGHT_RUN $PILOTLIGHT_STEP $PILOTLIGHT_WORKLOAD" >> {log}; echo told')
    daemon = start(world, plans={"failover": {"steps": [
        {"name": "warm-up", "after": "scale-up-dr", "command": [tell, "one"]},
        {"name": "tell-the-team", "after": "shift-traffic", "command": [tell, "two"]}], "without": ["announce"]}})
    secret = world.secret(world.dr)
    plan = daemon.ctl("plan", "failover").stdout
    assert plan.index("scale-up-dr") < plan.index("warm-up") < plan.index("gate"), plan
    assert "announce  " not in plan and plan.rstrip().endswith("done or looked at by nobody: announce"), plan
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert log.read_text().splitlines() == [
        "one failover warm-up django-app", "two failover tell-the-team django-app"]
    assert "it ended well: told" in step(daemon, "warm-up")["detail"]
    assert world.announcements() == []
    assert_promoted_once(world)
    assert world.secret(world.dr) != secret


def test_a_program_that_fails_leaves_the_run_stuck_until_it_is_tried_again(world: World, tmp_path: Path, start) -> None:
    gate = tmp_path / "open"
    check = program(tmp_path, "check", f'[ -e {gate} ] || {{ echo "rows differ"; exit 3; }}')
    daemon = start(world, plans={"failover": {"steps": [{"name": "compare", "after": "scale-up-dr", "command": [check]}]}})
    secret = world.secret(world.dr)
    world.break_primary()
    daemon.until("it is stuck", lambda workload: workload["incident"] and workload["incident"]["standing"] == "stuck", 40)
    assert "exit status 3: rows differ" in step(daemon, "compare")["detail"]
    assert "compare" in daemon.ctl("explain").stdout
    assert world.promotions() == []
    gate.touch()
    daemon.order("retry")
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)


def test_what_a_program_did_is_taken_back_with_the_run(world: World, tmp_path: Path, start) -> None:
    log = tmp_path / "did"
    do, undo = (program(tmp_path, name, f"echo {name} >> {log}") for name in ("do", "undo"))
    daemon = start(world, mode="approve", plans={"failover": {"steps": [
        {"name": "warm-up", "after": "scale-up-dr", "command": [do], "undo": [undo]}]}})
    world.break_primary()
    daemon.until("it asks", lambda workload: workload["incident"] and workload["incident"]["standing"] == "waiting", 40)
    daemon.order("abort")
    daemon.until("it is taken back", lambda workload: workload["phase"] == "degraded", 40)
    assert log.read_text().splitlines() == ["do", "undo"]
    assert world.sizes(world.dr) == STANDBY and world.promotions() == []


def test_a_person_is_waited_for(world: World, start) -> None:
    daemon = start(world, plans={"failover": {"steps": [
        {"name": "ask-payments", "after": "gate", "confirm": "ask the payments team"}]}})
    secret = world.secret(world.dr)
    world.break_primary()
    daemon.until("it asks", lambda workload: workload["incident"] and any(
        step["name"] == "ask-payments" and step["state"] == "running" for step in workload["incident"]["steps"]), 40)
    assert "ask the payments team" in daemon.ctl("explain").stdout
    daemon.stays(lambda: world.promotions() == [], 3)
    daemon.order("approve")
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)


def test_a_kill_in_the_middle_of_a_program_runs_it_again(world: World, aws: Control, tmp_path: Path, start) -> None:
    log = tmp_path / "ran"
    slow = program(tmp_path, "slow", f"echo begun >> {log}; sleep 3")
    daemon = start(world, plans={"failover": {"steps": [{"name": "slow", "after": "scale-up-dr", "command": [slow]}]}})
    secret = world.secret(world.dr)
    world.break_primary()
    daemon.wait_until("it runs", lambda: log.exists(), 40)
    daemon.kill()
    daemon.start()
    daemon.until_phase("dr-active", 90)
    assert log.read_text().splitlines() == ["begun", "begun"]
    assert_failed_over(world, secret)


def test_databases_that_differ_end_a_switchover_before_its_promotion(world: World, tmp_path: Path, start) -> None:
    """The program is told where both are, and runs while writes are held; the abort releases them."""
    told = tmp_path / "told"
    variables = " ".join(f"$PILOTLIGHT_{side}_DATABASE_{what}" for side in ("PRIMARY", "DR") for what in ("HOST", "PORT"))
    compare = program(tmp_path, "compare", f'echo "{variables}" > {told}; echo "rows differ: orders"; exit 1')
    daemon = start(world, plans={"switchover": {"steps": [
        {"name": "compare-rows", "after": "drain", "command": [compare], "undo": ["/bin/true"]}]}})
    ends = [world.instance(*end)["Endpoint"] for end in ((PRIMARY, DATABASE), (DR, REPLICA))]
    daemon.order("switchover", "--confirm", WORKLOAD)
    daemon.until("it is stuck", lambda workload: workload["incident"] and workload["incident"]["standing"] == "stuck", 60)
    assert "rows differ: orders" in step(daemon, "compare-rows")["detail"]
    assert told.read_text().split() == [str(end[key]) for end in ends for key in ("Address", "Port")]
    assert world.writes_held(world.primary)
    daemon.order("abort")
    daemon.until_phase("healthy", 60)
    assert not world.writes_held(world.primary) and world.promotions() == []


def test_a_program_that_runs_is_ended_and_undone_when_the_run_is_taken_back(world: World, tmp_path: Path, start) -> None:
    log = tmp_path / "ran"
    slow = program(tmp_path, "slow", f"echo begun >> {log}; sleep 30; echo ended >> {log}")
    back = program(tmp_path, "back", f"echo undone >> {log}")
    own = {"name": "slow", "after": "scale-up-dr", "command": [slow], "undo": [back], "timeout": "1m"}
    daemon = start(world, plans={"failover": {"steps": [own]}})
    world.break_primary()
    daemon.wait_until("it runs", log.exists, 40)
    daemon.order("abort")
    daemon.until("it is taken back", lambda workload: workload["incident"] is None, 25)
    assert log.read_text().split() == ["begun", "undone"]
    assert world.sizes(world.dr) == STANDBY and world.promotions() == []


def test_a_program_that_takes_too_long_is_heard(world: World, tmp_path: Path, start) -> None:
    hangs = program(tmp_path, "hangs", 'echo "cannot reach the cache 10.0.0.7"; sleep 60')
    daemon = start(world, plans={"failover": {"steps": [
        {"name": "warm-up", "after": "scale-up-dr", "command": [hangs], "timeout": "2s"}]}})
    world.break_primary()
    workload = daemon.until("it is stuck", lambda workload: workload["stuck"], 40)
    assert workload["stuck"]["why"] == "not finished: no answer in 2 s, cannot reach the cache 10.0.0.7"
