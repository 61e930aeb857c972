"""Signs of life end when one loop is stuck, the one that is stuck is named, and the next process goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service import Service, cursor, journal, prop, restarted, said, wait_until

#: WatchdogSec= of the unit, and what the bar allows besides.
WATCHDOG, SLACK = 10, 1
#: For tests where only the order of things matters.
SHORT = 4


def caught_at(file: Path, seconds: float = 15) -> float:
    return float(wait_until(f"{file.name}", lambda: file.exists() and file.read_text(), seconds))


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


@pytest.mark.parametrize("name, words, function", [
    # libcurl's queue may have gone on on another of Dispatch's threads since it was last seen: any stack will do.
    ("probes", "the probe loop is stuck", ""), ("cloud", "the AWS loop is stuck", "HMAC"),
    ("control", "the control loop is stuck", "accept4"), ("ledger", "the ledger is stuck", "sync")])
def test_each_loop_is_missed(service: Service, name: str, words: str, function: str) -> None:
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
    lines = said(since=before)
    assert any(f"ended by SIGABRT from outside: {words}" in line for line in lines), lines
    stack = next((line for line in lines if "thread is in" in line or "was hit is in" in line), "")
    assert function in stack and (not function or "sleep" in stack), lines
    assert service.ctl("status").returncode == 0
    if asker:
        os.waitpid(asker, 0)
