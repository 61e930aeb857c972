"""Restarts and kills: nobody is refused, nothing is repeated, a run goes on at once."""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from checks import assert_failed_over, assert_promoted_once
from service import (
    ALICE, CONFIG, CONTROL, DROP_INS, EVE, LEDGER, OBSTRUCT_IN, SERVICE, SOCKET, Service, begun_at, cursor, journal, prop, properties, run,
    said, systemctl, wait_until)
from settings import WORKLOAD


def test_the_socket_is_the_managers_and_the_groups(service: Service) -> None:
    service.start()
    found = CONTROL.stat()
    assert stat.S_IMODE(found.st_mode) == 0o660 and (CONTROL.owner(), CONTROL.group()) == ("root", "pilotlight")
    # systemd binds there as root: nobody else may put a link in its way.
    assert stat.S_IMODE(CONTROL.parent.stat().st_mode) == 0o755 and CONTROL.parent.owner() == "root"
    for link in (CONTROL.parent / "planted", CONTROL):
        assert run("ln", "-sf", "/etc/shadow", str(link), user="pilotlight").returncode != 0
    inode = found.st_ino
    systemctl("restart", SERVICE)
    os.kill(service.pid, signal.SIGKILL)
    wait_until("it is restarted", lambda: service.restarts == 1 and prop("ActiveState") == "active", 10)
    assert CONTROL.stat().st_ino == inode


def test_a_question_starts_the_daemon(service: Service) -> None:
    systemctl("start", SOCKET)
    assert prop("ActiveState") == "inactive"
    assert service.ctl("status", user=ALICE).returncode == 0
    assert prop("ActiveState") == "active"


def test_without_the_socket_unit_the_daemon_makes_a_socket_of_its_own(service: Service) -> None:
    own = Path("/run/pilotlightd/control.sock")
    systemctl("mask", "--runtime", SOCKET)
    try:
        before = cursor()
        systemctl("start", SERVICE)
        assert prop("ActiveState", SOCKET) == "inactive" and not CONTROL.exists()
        assert any(str(own) in line for line in said(since=before))
        assert service.ctl("status", user=ALICE).returncode == 0
        assert service.ctl("status", user=EVE).returncode == 1
        assert stat.S_IMODE(own.stat().st_mode) == 0o660 and own.group() == "pilotlight"
        systemctl("reload", SERVICE)
        # Without the door to the kernel's list nobody can say who it was; it is not said that it was `nobody`.
        assert service.ctl("pause", WORKLOAD, "--reason", "maintenance", user=ALICE).returncode == 0
        history = service.ctl("history").stdout
        assert "an unknown user (process " in history and "nobody" not in history
        systemctl("stop", SERVICE)
        assert not own.exists()
    finally:
        systemctl("unmask", "--runtime", SOCKET)


def test_nobody_is_refused_across_restarts(service: Service) -> None:
    service.start().armed()
    outcomes: list[tuple[int, str]] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            done = service.ctl("status", user=ALICE)
            outcomes.append((done.returncode, done.stderr))

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        # More slowly than the start limit.
        for _ in range(4):
            time.sleep(2.5)
            systemctl("restart", SERVICE)
    finally:
        is_over.set()
    for asker in askers:
        asker.join()
    assert len(outcomes) > 20
    assert [one for one in outcomes if one[0] != 0] == []


def continued_after(service: Service, since: float) -> float:
    """Seconds from the process's start to its first call to AWS for the run, as AWS saw it."""
    world = service.world
    assert world
    begun = begun_at(service.pid)
    first = wait_until(
        "it goes on", lambda: [call for call in world.control.calls() if call["at"] > max(begun, since)], 10)
    return first[0]["at"] - begun


@pytest.mark.parametrize("seed", range(3))
def test_a_restart_in_mid_failover_repeats_no_step_and_goes_on_within_a_second(service: Service, seed: int) -> None:
    before = cursor()
    world, secret = service.losing_its_primary()
    service.until_phase("failing-over", 20)
    time.sleep(random.Random(seed).uniform(0, 1.5))
    stopped = time.time()
    systemctl("restart", SERVICE)
    begun = begun_at(service.pid)
    took = continued_after(service, stopped)
    print(f"the first call {took:.2f} s after the start")
    assert took < 1
    # The first answer knows of the run.
    assert service.status()["phase"] in ("failing-over", "dr-active")
    assert (int(prop("ActiveEnterTimestampMonotonic")) - int(prop("ExecMainStartTimestampMonotonic"))) / 1e6 < 1
    service.until_phase("dr-active")
    assert_failed_over(world, secret)
    for action in ("PromoteReadReplica", "PutSecretValue", "ChangeResourceRecordSets"):
        accepted = [call for call in world.changes(action) if call["status"] == 200]
        assert len(accepted) == 1, (action, accepted)
    # Steps that were done are not begun anew by the new process.
    done = {line["PILOTLIGHT_STEP"] for line in journal(since=before) if line.get("PILOTLIGHT_EVENT") == "stepDone"
            and int(line["__REALTIME_TIMESTAMP"]) / 1e6 < begun}
    again = {line["PILOTLIGHT_STEP"] for line in journal(since=before) if line.get("PILOTLIGHT_EVENT") == "stepStarted"
             and int(line["__REALTIME_TIMESTAMP"]) / 1e6 > begun}
    assert not done & again


@pytest.mark.parametrize("seed", range(3))
def test_killed_in_mid_failover_it_is_restarted_and_finishes(service: Service, seed: int) -> None:
    world, secret = service.losing_its_primary()
    service.until_phase("failing-over", 20)
    time.sleep(random.Random(100 + seed).uniform(0, 2))
    killed, pid = time.time(), service.pid
    os.kill(pid, signal.SIGKILL)
    wait_until("it is restarted", lambda: service.pid not in (0, pid), 10)
    assert continued_after(service, killed) < 1
    service.until_phase("dr-active")
    assert service.restarts == 1
    assert_failed_over(world, secret)
    assert_promoted_once(world)


def fill_journal() -> None:
    """Until the next line for journald would block whoever writes it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.connect("/run/systemd/journal/socket")
        for _ in range(100_000):
            try:
                out.send(b"MESSAGE=filler\nPRIORITY=7\n")
            except BlockingIOError:
                return
    raise AssertionError("journald takes everything")


def test_a_journal_that_hangs_costs_lines_and_no_failover(service: Service) -> None:
    service.start().armed()
    world = service.world
    assert world
    secret = world.secret(world.dr)
    journald = int(prop("MainPID", "systemd-journald.service"))
    os.kill(journald, signal.SIGSTOP)
    try:
        fill_journal()
        world.break_primary()
        service.until_phase("dr-active")
        assert service.restarts == 0
    finally:
        os.kill(journald, signal.SIGCONT)
    assert_failed_over(world, secret)
    assert_promoted_once(world)
    wait_until("the journal has the end of it", lambda: any("the DR region serves" in line for line in said()), 20)


def calls_for_help() -> Callable[[], list[str]]:
    """Units for which somebody was called from now on, as the site's own program notes them."""
    program, notes = Path("/etc/pilotlight/on-failure"), OBSTRUCT_IN / "called"
    notes.unlink(missing_ok=True)
    program.write_text(f'#!/bin/sh\necho "$1" >> {notes}\n')
    program.chmod(0o755)
    # For those who were called before it is another hour.
    run("systemctl", "reset-failed", "pilotlight-failed@*.service")
    return lambda: notes.read_text().split() if notes.exists() else []


def test_a_crash_loop_ends_and_keeps_the_state(service: Service) -> None:
    """F82: five starts within ten seconds."""
    service.start().armed()
    service.drop_in("crash", "ExecStart=", "ExecStart=/bin/false")
    run("systemctl", "restart", SERVICE)
    called = calls_for_help()
    wait_until("it is given up", lambda: prop("ActiveState") == "failed" and prop("Result") != "success", 20)
    assert int(prop("NRestarts")) in range(3, 6)
    assert any("Start request repeated too quickly" in line for line in said())
    wait_until("somebody is called", called, 10)
    assert called() == [SERVICE]
    told = wait_until("every terminal is told", lambda: journal("PRIORITY=0", unit=f"pilotlight-failed@{SERVICE}.service"), 5)
    assert f"{SERVICE} has failed and waits for somebody" in told[-1]["MESSAGE"]
    (Path("/etc/systemd/system/pilotlightd.service.d") / "crash.conf").unlink()
    systemctl("daemon-reload")
    systemctl("reset-failed", SERVICE, SOCKET)
    service.start().armed()
    assert service.status()["phase"] == "healthy"


def test_a_disk_that_comes_back_finds_a_watchdog_and_people_were_called_once(service: Service) -> None:
    """F69: the ledger's file system is read-only. Trouble of the disk does not use the start limit up."""
    assert service.world
    service.configure({"page": {"topic": service.world.topic}})
    service.start().armed()
    service.drop_in("disk", "ReadOnlyPaths=/var/lib/pilotlight")
    run("systemctl", "restart", "--no-block", SERVICE)
    wait_until("somebody is called", lambda: service.world and service.world.announcements(), 60)
    (page,) = service.world.announcements()
    assert "Read-only file system" in page and page.endswith("id pilotlightd/cannotStart")
    wait_until("it is tried again and again", lambda: service.restarts >= 10, 40)
    assert prop("Result") != "start-limit-hit" and len(service.world.announcements()) == 1
    (DROP_INS / "disk.conf").unlink()
    systemctl("daemon-reload")
    wait_until("it runs", lambda: prop("ActiveState") == "active", 20)
    service.armed()
    assert service.status()["phase"] == "healthy"


def test_a_ledger_that_was_changed_fails_the_unit_and_calls_somebody(service: Service) -> None:
    """F66: it is refused, named and kept, and is so at every start. Who asks is told, and causes one and no page."""
    assert service.world
    service.configure({"page": {"topic": service.world.topic}})
    service.start().armed()
    systemctl("stop", SERVICE)
    with sqlite3.connect(LEDGER) as database:
        database.execute("UPDATE entries SET sentence = 'nothing happened' WHERE sequence = 2")
    database.close()
    called = calls_for_help()
    assert run("systemctl", "start", SERVICE).returncode != 0
    assert properties("ActiveState", "ExecMainStatus", "NRestarts") == {
        "ActiveState": "failed", "ExecMainStatus": "3", "NRestarts": "0"}
    wait_until("somebody is called", called, 10)
    assert any("chain does not hold at record 2" in line for line in said("PRIORITY=2"))
    before = cursor()
    asked = service.ctl("status", user=ALICE)
    assert asked.returncode == 1 and "cannot start" in asked.stderr and "record 2" in asked.stderr, asked
    # As somebody does who looks at it all the time.
    for _ in range(8):
        assert "record 2" in service.ctl("status", user=ALICE).stderr
        time.sleep(1)
    wait_until("it has ended", lambda: prop("ActiveState") == "failed", 10)
    assert prop("ExecMainStatus") == "3" and prop("ActiveState", SOCKET) == "active"
    assert len(said("PRIORITY=2", since=before)) <= 4 and len(service.world.announcements()) == 1
    # Nor does it call them all the time.
    for _ in range(4):
        service.ctl("status", user=ALICE)
        wait_until("it has ended", lambda: prop("ActiveState") == "failed", 10)
    assert called() == [SERVICE] * 3
    systemctl("reset-failed", SERVICE, SOCKET)


def test_a_configuration_that_is_gone_at_a_restart_is_waited_for_and_then_ends_as_failed(service: Service) -> None:
    service.start().armed()
    called, text = calls_for_help(), CONFIG.read_text()
    # As when it is replaced: it is back in a moment, and the watch goes on.
    CONFIG.unlink()
    run("systemctl", "restart", "--no-block", SERVICE)
    wait_until("it says that nothing is watched", lambda: "NOTHING IS WATCHED" in prop("StatusText"), 10)
    service.configure()
    CONFIG.write_text(text)
    wait_until("it watches", lambda: prop("ActiveState") == "active", 5)
    service.armed()
    # It stays away.
    CONFIG.unlink()
    before = cursor()
    assert run("systemctl", "restart", SERVICE).returncode != 0
    assert properties("ActiveState", "Result", "ExecMainStatus", "NRestarts") == {
        "ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "2", "NRestarts": "0"}
    lines = said("_TRANSPORT=stdout", since=before)
    assert len(lines) == 2 and "NOTHING IS WATCHED" in lines[0] and f"{CONFIG}:1" in lines[1], lines
    wait_until("somebody is called", called, 10)
    assert called() == [SERVICE]
    systemctl("reset-failed", SERVICE)


def test_a_daemon_that_lives_two_seconds_is_restarted_for_ever(service: Service) -> None:
    service.start().armed()
    service.drop_in("crash", "ExecStart=", "ExecStart=/bin/sh -c 'systemd-notify --ready; sleep 2; exit 1'", "NotifyAccess=all")
    run("systemctl", "restart", SERVICE)
    wait_until("it is restarted often", lambda: service.restarts >= 6, 25)
    assert prop("ActiveState") in ("active", "activating")


def test_the_time_line_outlives_a_restart(service: Service) -> None:
    """The boot's id comes with the unit, which hides /proc/sys."""
    service.start().armed()
    assert run("nsenter", f"--target={service.pid}", "--mount", "test", "-e", "/proc/sys/kernel").returncode != 0
    ledger = "/var/lib/pilotlight/ledger.db"
    asked = ("sqlite3", f"file:{ledger}?mode=ro", "select value from facts where key = 'timeline'")
    before = run(*asked, check=True).stdout
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    assert before.split()[0] == boot
    systemctl("restart", SERVICE)
    assert run(*asked, check=True).stdout == before
