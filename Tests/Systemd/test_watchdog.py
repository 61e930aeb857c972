"""Signs of life end when one loop is stuck, the one that is stuck is named, and the next process goes on."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from service import SERVICE, SOCKET, Service, cursor, journal, prop, properties, run, said, systemctl, wait_until

#: WatchdogSec= of the unit, and what the bar allows besides.
WATCHDOG, SLACK = 10, 1
#: For tests where only the order of things matters.
SHORT = 4


def caught_at(file: Path, seconds: float = 15) -> float:
    return float(wait_until(f"{file.name}", lambda: file.exists() and file.read_text(), seconds))


def restarted(service: Service, pid: int, seconds: float) -> float:
    """When systemd had a new process."""
    wait_until("it is restarted", lambda: service.pid not in (0, pid), seconds)
    return time.time()


def test_a_wedged_decision_loop_is_restarted_within_the_watchdogs_time_and_a_second(service: Service) -> None:
    """F60, with the time the unit has."""
    service.start().armed()
    assert prop("WatchdogUSec") == f"{WATCHDOG}s"
    pid, world, before = service.pid, service.world, cursor()
    assert world
    caught = service.obstruct("decisions")
    world.break_primary()
    wedged = caught_at(caught)
    wait_until("it is named", lambda: "the decision loop is stuck" in prop("StatusText"), WATCHDOG)
    service.clear()
    took = restarted(service, pid, WATCHDOG + 5) - wedged
    assert took < WATCHDOG + SLACK, took
    print(f"restarted {took:.2f} s after the wedge")
    assert any(line.get("PILOTLIGHT_EVENT") == "wedged" and line["PRIORITY"] == "2" for line in journal(since=before))
    words = said(since=before)
    assert any("Watchdog timeout" in line for line in words), words
    assert any("ended by SIGABRT from outside: the decision loop is stuck" in line for line in words), words
    # The stack of the thread that hangs, down to where.
    stack = next((line for line in words if "the loop's thread is in" in line), "")
    assert "obstruct.so" in stack or "sd_notify" in stack, words
    # The primary died meanwhile: the new process finds out and fails over.
    service.until_phase("dr-active")
    assert service.restarts == 1


@pytest.mark.parametrize("name, words", [
    ("probes", "the probe loop is stuck"), ("cloud", "the AWS loop is stuck"), ("control", "the control loop is stuck"),
    ("ledger", "the ledger is stuck")])
def test_each_loop_is_missed(service: Service, name: str, words: str) -> None:
    service.drop_in("short", f"WatchdogSec={SHORT}")
    service.start().armed()
    pid, world, before = service.pid, service.world, cursor()
    assert world
    caught = service.obstruct(name)
    if name == "ledger":
        world.break_primary()
    asker = None
    if name == "control":
        asker = os.spawnvp(os.P_NOWAIT, "pilotlightctl", ["pilotlightctl", "status"])
    caught_at(caught)
    wait_until("it is named", lambda: any(words in line for line in said(since=before)), SHORT + 4)
    service.clear()
    restarted(service, pid, 2 * SHORT + 5)
    assert any(f"ended by SIGABRT from outside: {words}" in line for line in said(since=before)), said(since=before)
    assert service.ctl("status").returncode == 0
    if asker:
        os.waitpid(asker, 0)


def test_a_transfer_whose_end_is_never_told_breaks_an_invariant(service: Service) -> None:
    """Every loop turns, and nothing is seen any more: WATCHDOG=trigger."""
    service.start().armed()
    pid, before = service.pid, cursor()
    service.obstruct("lost")
    wait_until(
        "it is noticed", lambda: any(line.get("PILOTLIGHT_EVENT") == "invariantBroken" for line in journal(since=before)), 60)
    service.clear()
    restarted(service, pid, 5)
    words = said(since=before)
    assert any("it never ended: a probe for django-app" in line for line in words) or any("never ended" in line for line in words)
    assert any("ended by SIGABRT from outside" in line for line in words), words
    service.armed()


def test_a_slow_start_that_works_gets_more_time_and_one_that_hangs_does_not(service: Service) -> None:
    service.drop_in("short", "TimeoutStartSec=7")
    service.obstruct("busy-start")
    begun = time.monotonic()
    systemctl("start", SERVICE)
    assert time.monotonic() - begun > 8
    service.clear()
    service.armed()
    systemctl("stop", SOCKET, SERVICE)
    service.drop_in("once", "Restart=no")
    service.obstruct("idle-start")
    assert run("systemctl", "start", SERVICE).returncode != 0
    assert prop("Result") == "timeout"


def test_a_busy_daemon_is_never_restarted(service: Service) -> None:
    """BUSY seconds of more questions than it can answer at once, beside a loop that burns the other core."""
    seconds = float(os.environ.get("BUSY") or 20)
    service.start().armed()
    pid, before = service.pid, cursor()
    asked = "while :; do /usr/bin/pilotlightctl history >/dev/null; /usr/bin/pilotlightctl status >/dev/null; done"
    load = [os.spawnvp(os.P_NOWAIT, "sh", ["sh", "-c", asked]) for _ in range(6)]
    load += [os.spawnvp(os.P_NOWAIT, "sh", ["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        time.sleep(seconds)
    finally:
        for child in load:
            os.kill(child, 9)
            os.waitpid(child, 0)
    assert service.pid == pid and service.restarts == 0
    assert not [line for line in journal(since=before) if line.get("PILOTLIGHT_EVENT") in ("wedged", "timeGap")]
    assert properties("ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
