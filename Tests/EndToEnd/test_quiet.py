"""Quiet in health: at most a line an hour, by the real daemon on the sandbox cloud, 20 times as fast."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from daemon import BINARIES, ROOT, die_with_parent

SPEED, HOURS = 20, 1


@pytest.mark.slow
def test_a_healthy_hour_has_no_more_than_a_line(tmp_path: Path) -> None:
    config, log = tmp_path / "pilotlight.yaml", tmp_path / "log"
    # Addresses are the sandbox's, probes are real; the level is the default, info. A busy host that takes a tenth of a second for an
    # answer is not the slow application that two seconds are.
    config.write_text((ROOT / "config" / "demo.yaml").read_text().replace("slowAfter: 2s", "slowAfter: 4900ms"))
    words = [
        BINARIES / "pilotlightd", "--config", config, "--sandbox", "--speed", str(SPEED), "--log-format", "json", "--socket",
        tmp_path / "s", "--ledger", tmp_path / "ledger.db"]
    with log.open("wb") as out:
        daemon = subprocess.Popen(words, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        try:
            deadline = time.monotonic() + 30
            while '"armed"' not in log.read_text():
                assert daemon.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            # The first minutes look at everything once.
            time.sleep(600 / SPEED)
            before = len(log.read_text().splitlines())
            asked = time.monotonic()
            time.sleep(HOURS * 3600 / SPEED)
            took = (time.monotonic() - asked) * SPEED / 3600
            told = log.read_text().splitlines()[before:]
        finally:
            daemon.terminate()
            daemon.wait(30)
    print(f"{len(told)} line(s) in {took:.2f} h")
    assert took >= HOURS
    assert len(told) <= HOURS, [json.loads(line)["message"] for line in told]
