"""What the daemon saw is kept, and another configuration can be tried on it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from aurora import BOTH_KINDS
from daemon import BINARIES, PATIENCE, ROOT, SANITIZER, Daemon, die_with_parent
from settings import WORKLOAD
from world import World


def replay(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BINARIES / "pilotlightctl", "replay", "--config", config, *words], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60 * PATIENCE, env={"PATH": "/usr/bin:/bin", "TZ": "UTC", **SANITIZER})


def replayed(config: Path, *words: str, expect: int = 0) -> dict[str, Any]:
    """`--json`, of the one workload there is."""
    done = replay(config, "--json", *words)
    assert done.returncode == expect, (done.returncode, done.stderr, done.stdout)
    report = json.loads(done.stdout)
    (workload,) = report["workloads"]
    return {**workload, "whole": report}


def live_failovers(daemon: Daemon) -> list[dict[str, Any]]:
    done = replay(daemon.config, "--json", "--since", "1d")
    return json.loads(done.stdout)["workloads"][0]["failovers"] if done.returncode in (0, 1) else []


def variant(daemon: Daemon, **detection: str) -> Path:
    """The daemon's configuration with other settings of the detection."""
    content = yaml.safe_load(daemon.config.read_text())
    content["workloads"][0]["detection"].update(detection)
    other = daemon.directory / "new.yaml"
    other.write_text(yaml.safe_dump(content))
    return other


def outage(world: World, daemon: Daemon) -> None:
    """One that observe mode would have failed over for, and that ends by itself."""
    world.break_primary()
    daemon.wait_until("it would fail over", lambda: "would fail over now" in daemon.log(), 30)
    world.mend_primary()
    daemon.until_phase("healthy", 30)


@BOTH_KINDS
def test_an_outage_is_judged_under_two_configurations(world: World, start) -> None:
    daemon = start(world, arm=False, mode="observe")
    daemon.until("the primary is seen", lambda workload: workload["assessment"]["verdict"] == "up", 15)
    outage(world, daemon)
    assert daemon.terminate() == 0

    eager = replayed(daemon.config, "--since", "1d", expect=1)
    (failover,) = eager["failovers"]
    assert failover["verdict"] == "wrong" and failover["recovered"] and not eager["runs"]
    assert failover["outageStart"] <= failover["confirmed"] <= failover["begun"]
    assert eager["limits"] == [] and eager["whole"]["unreadable"] == {"bytes": 0, "frames": 0}

    patient = variant(daemon, confirmFor="5m", references=[{"name": "quad9", "url": "https://9.9.9.9/"}])
    calm = replayed(patient, "--since", "1d")
    assert calm["failovers"] == [] and len(calm["nearMisses"]) == 1
    assert any("quad9 was not recorded" in limit for limit in calm["limits"])

    # The daemon's directory, one of its files, and files laid end to end are all recordings.
    store = daemon.directory / "ledger.db.observations"
    (segment,) = store.iterdir()
    page = replay(daemon.config, str(store))
    assert page.returncode == 1 and "WOULD HAVE FAILED OVER WRONGLY" in page.stdout, page
    copy = daemon.directory / "copy.obs"
    copy.write_bytes(segment.read_bytes())
    assert replayed(daemon.config, str(copy), expect=1)["failovers"] == [failover]
    # A torn end and flipped bits are told, and stop nothing.
    damaged = bytearray(segment.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    copy.write_bytes(damaged[:-3])
    assert replayed(daemon.config, str(copy), expect=replay(daemon.config, str(copy)).returncode)["whole"][
        "unreadable"]["bytes"] > 3


def test_what_cannot_be_replayed_ends_in_two(world: World, tmp_path: Path) -> None:
    daemon = Daemon(world, tmp_path)
    (tmp_path / "noise").write_bytes(b"no recording at all")
    (tmp_path / "wrong.yaml").write_text("workloads: []\nnonsense: 1\n")
    for words in (["--since", "1d"], [str(tmp_path / "noise")], [str(tmp_path / "absent")], [], ["--since", "soon"]):
        done = replay(daemon.config, *words)
        assert done.returncode == 2 and done.stderr, (words, done)
    done = replay(tmp_path / "wrong.yaml", "--since", "1d")
    assert done.returncode == 2 and "wrong.yaml:2: nonsense: unknown key" in done.stderr, done


def test_a_recording_that_cannot_be_written_holds_nothing_up(world: World, start, tmp_path: Path) -> None:
    """The disk says no to every observation; the failover goes on as ever, and it is said once."""
    (tmp_path / "ledger.db.observations").write_text("a file where the directory should be")
    daemon = start(world)
    world.break_primary()
    daemon.until_phase("dr-active")
    assert daemon.log().count("observations are not kept for now") == 1
    assert daemon.terminate() == 0


def test_a_killed_daemon_leaves_what_it_saw(world: World, start) -> None:
    daemon = start(world, arm=False, mode="observe")
    daemon.until("the primary is seen", lambda workload: workload["assessment"]["verdict"] == "up", 15)
    outage(world, daemon)
    # The store of a running daemon is read as any other: what is two seconds old is there.
    daemon.wait_until(
        "the recovery is written",
        lambda: any(one["recovered"] for one in live_failovers(daemon)), 30)
    daemon.kill()
    daemon.start()
    assert daemon.terminate() == 0
    found = replayed(daemon.config, "--since", "1d", expect=1)
    assert len(found["failovers"]) == 1 and found["whole"]["starts"] == 2


@pytest.mark.parametrize("mode", ["observe", "automatic"])
def test_the_sandbox_tells_its_incident(tmp_path: Path, mode: str) -> None:
    """The real daemon on the sandbox cloud, sixty times as fast; the region dies and the daemon is stopped."""
    config, socket = tmp_path / "sandbox.yaml", tmp_path / "s"
    content = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    content["workloads"][0]["mode"] = mode
    content["daemon"] = {"ledger": str(tmp_path / "ledger.db"), "socket": str(socket)}
    config.write_text(yaml.safe_dump(content))
    log = tmp_path / "log"

    def ctl(*words: str) -> str:
        done = subprocess.run(
            [BINARIES / "pilotlightctl", *words, "--socket", socket], capture_output=True, text=True,
            timeout=30 * PATIENCE, env={"PATH": "/usr/bin:/bin", **SANITIZER})
        return done.stdout

    def wait(what: str, text: str) -> None:
        deadline = time.monotonic() + 40 * PATIENCE
        while text not in log.read_text():
            assert time.monotonic() < deadline, f"not in time: {what}\n{log.read_text()}"
            time.sleep(0.2)

    with log.open("wb") as output:
        process = subprocess.Popen(
            [BINARIES / "pilotlightd", "--config", config, "--sandbox", "--speed", "60"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={"PATH": "/usr/bin:/bin", **SANITIZER},
            preexec_fn=die_with_parent)
    try:
        wait("it is armed", "was seen serving")
        ctl("sandbox", "break", "primary")
        wait("it decides", "would fail over now" if mode == "observe" else "is confirmed and corroborated")
        process.terminate()
        assert process.wait(20 * PATIENCE) == 0
    finally:
        process.kill()
        process.wait()

    found = replayed(config, "--since", "1d")
    (failover,) = found["failovers"]
    assert found["name"] == WORKLOAD and failover["verdict"] == "open" and failover["withinRpo"] is True
    assert (failover["realRun"] is not None) == (mode == "automatic")
    assert [run["moment"] for run in found["runs"]][:1] == ([] if mode == "observe" else ["begun"])
    page = replay(config, "--since", "1d")
    assert page.returncode == 0 and "would fail over" in page.stdout and "outage since" in page.stdout, page
