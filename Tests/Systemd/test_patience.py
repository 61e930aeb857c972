"""What takes its time: starts that are slow, losses that are noticed late, and load that must not be taken for either."""

from __future__ import annotations

import os
import time

from service import SERVICE, SOCKET, Service, cursor, journal, prop, properties, restarted, run, said, systemctl, wait_until


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
