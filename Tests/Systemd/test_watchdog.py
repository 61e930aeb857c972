"""Signs of life end when one loop is stuck, the one that is stuck is named, and the next process goes on."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

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


def events(since: str, name: str) -> list[dict[str, Any]]:
    return [line for line in journal(since=since) if line.get("PILOTLIGHT_EVENT") == name]


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
    patience = SHORT + 4
    if name == "ledger":
        # A disk has six times the watchdog's time, and that it is waited for is told meanwhile.
        wait_until("the disk is named", lambda: events(before, "diskStalled"), SHORT)
        assert "the disk keeps a write of the ledger waiting" in prop("StatusText")
        time.sleep(3 * SHORT)
        assert service.pid == pid and not events(before, "wedged")
        patience = 6 * SHORT
    wait_until("it is named", lambda: any(words in line for line in said(since=before)), patience)
    service.clear()
    restarted(service, pid, 2 * SHORT + 5)
    lines = said(since=before)
    assert any(f"ended by SIGABRT from outside: {words}" in line for line in lines), lines
    stack = next((line for line in lines if "thread is in" in line or "was hit is in" in line), "")
    assert function in stack and (not function or "sleep" in stack), lines
    assert service.ctl("status").returncode == 0
    if asker:
        os.waitpid(asker, 0)


def test_a_disk_that_stalls_for_longer_than_the_watchdogs_time_costs_no_restart(service: Service) -> None:
    """A new process would find the same disk, and would have forgotten what the probes saw."""
    service.start().armed()
    pid, world, before = service.pid, service.world, cursor()
    assert world
    caught = service.obstruct("ledger")
    world.break_primary()
    caught_at(caught, 30)
    time.sleep(WATCHDOG + 5)
    assert service.pid == pid
    assert len(events(before, "diskStalled")) == 1 and not events(before, "wedged")
    service.clear()
    caught.with_name("ledger.over").touch()
    wait_until("all turn again", lambda: events(before, "turnsAgain"), 5)
    service.until_phase("dr-active")
    assert service.pid == pid and service.restarts == 0
    assert "dr-active" in prop("StatusText")
