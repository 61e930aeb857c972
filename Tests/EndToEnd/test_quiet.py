"""Quiet in health: at most a line an hour, by the real daemon on the sandbox cloud, 120 times as fast."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from daemon import BINARIES, ROOT, die_with_parent

SPEED, HOURS = 120, 2


def test_two_healthy_hours_have_no_more_than_a_line_each(tmp_path: Path) -> None:
    config, log = tmp_path / "pilotlight.yaml", tmp_path / "log"
    # Addresses, resolvers and probes are the sandbox's; the level is the default, info.
    config.write_text((ROOT / "config" / "demo.yaml").read_text())
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
            # The first five minutes look at everything once.
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
