"""The real pilotlightd as a process, and pilotlightctl as its operator types it."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import settings
from aws.state import ACCESS_KEY, SECRET_KEY
from world import CANARIES, World

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("PILOTLIGHT_BIN") or ROOT / ".build" / "debug").resolve()

#: Every wait for something that must come is this many times as long: programs built with a sanitizer are slow.
PATIENCE = float(os.environ.get("PATIENCE") or 1)

#: What such programs must be told, beside what every program is.
SANITIZER = {
    name: value for name, value in os.environ.items()
    if name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "SWIFT_BACKTRACE")
}

#: Exit codes of pilotlightctl.
DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3

#: Exit code of pilotlightd that cannot start before somebody has come.
NEEDS_SOMEBODY = 3

#: What must never be seen in anything the daemon writes or shows.
SECRETS = (*CANARIES, SECRET_KEY)


def die_with_parent() -> None:
    """In the child: the kernel kills it when the test process is gone, however that went (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def have_binaries() -> bool:
    return all(os.access(BINARIES / name, os.X_OK) for name in ("pilotlightd", "pilotlightctl"))


class ControlConnection(http.client.HTTPConnection):
    """To a control socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30 * PATIENCE)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """One daemon with a directory of its own; it can be killed and started again on the same ledger."""

    def __init__(
        self, world: World, directory: Path, overrides: dict[str, Any] | None = None,
        extra_environment: dict[str, str] | None = None
    ) -> None:
        self.world = world
        self.directory = directory
        self.config = world.config = directory / "pilotlight.yaml"
        self.socket = directory / "s"
        self.log_file = directory / "pilotlightd.log"
        self.overrides = dict(overrides or {})
        self.extra_environment = dict(extra_environment or {})
        self.process: subprocess.Popen[bytes] | None = None
        #: Phases in the order in which `status` showed them.
        self.phases: list[str] = []
        #: Everything pilotlightctl ever said.
        self.said = ""
        self.configure()

    # The process

    def configure(self, **daemon: Any) -> None:
        """Writes the configuration anew; `reload` makes the daemon read it."""
        content = settings.configuration(self.world, self.directory, self.overrides)
        content["daemon"].update(daemon)
        settings.write(content, self.config)

    def environment(self) -> dict[str, str]:
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": "/usr/bin:/bin", "HOME": str(home), "TZ": "UTC", "AWS_ENDPOINT_URL": self.world.control.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_EC2_METADATA_DISABLED": "true",
            **SANITIZER, **self.extra_environment,
        }

    def start(self, wait: bool = True) -> Self:
        assert self.process is None or self.process.poll() is not None, "it runs already"
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARIES / "pilotlightd", "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment(), cwd=self.directory, start_new_session=True,
                preexec_fn=die_with_parent)
        if wait:
            self.wait_until("it answers", lambda: self.answers(), 15)
        return self

    def armed(self) -> Self:
        """Waits until it could fail over."""
        self.until("it is armed", lambda workload: workload["armed"]["ok"], 15)
        self.acquainted()
        return self

    def acquainted(self) -> None:
        """Gives it the time to read, too, what it is not armed by: a run gives the new database what the primary's was seen to have."""
        deadline = time.monotonic() + 3
        while "backups are kept for" not in self.log() and not self.world.global_database and time.monotonic() < deadline:
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9, of the whole process group."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait(10 * PATIENCE)

    def terminate(self, seconds: float = 15) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(seconds * PATIENCE)

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    # The operator

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        # `graph` draws what is built in, `ledger` reads a file: they ask no daemon.
        socket = [] if words[0] in ("graph", "ledger", "logs") else ["--socket", str(self.socket)]
        done = subprocess.run(
            [BINARIES / "pilotlightctl", *words, *socket], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=30 * PATIENCE, env={"PATH": "/usr/bin:/bin", "TZ": "UTC", **SANITIZER})
        self.said += done.stdout + done.stderr
        return done

    def order(self, *words: str, reason: str = "the test says so", expect: int = DONE) -> str:
        """Gives an order for the one workload; what pilotlightctl said to it."""
        done = self.ctl(words[0], settings.WORKLOAD, *words[1:], "--reason", reason)
        text = done.stdout + done.stderr
        assert done.returncode == expect, f"{words}: exit {done.returncode}, expected {expect}: {text}"
        return text

    def answers(self) -> bool:
        assert self.alive(), f"pilotlightd ended with {self.process and self.process.returncode}:\n{self.log()[-4000:]}"
        try:
            self.ask("/v1/status")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def ask(self, path: str) -> dict[str, Any]:
        """What pilotlightctl is answered on the control socket: who looks three times a second needs no program for each look."""
        connection = ControlConnection(self.socket)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        self.said += text
        if answer.status != 200:
            raise http.client.HTTPException(f"{path}: {answer.status}: {text}")
        return json.loads(text)

    def status(self) -> dict[str, Any]:
        """The one workload of the status."""
        try:
            (workload,) = self.ask("/v1/status")["workloads"]
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"status: {error!r}\n{self.log()[-4000:]}") from error
        if not self.phases or self.phases[-1] != workload["phase"]:
            self.phases.append(workload["phase"])
        return workload

    def explain(self) -> str:
        return self.ctl("explain").stdout

    def steps(self) -> dict[str, str]:
        """Names and states of the run's steps, in the order of the plan."""
        incident = self.status()["incident"]
        return {one["name"]: one["state"] for one in incident["steps"]} if incident else {}

    # Waiting

    def until(self, what: str, holds: Callable[[dict[str, Any]], Any], seconds: float) -> dict[str, Any]:
        """Waits for something `status` shows."""
        found: dict[str, Any] = {}

        def look() -> bool:
            nonlocal found
            found = self.status()
            return bool(holds(found))

        self.wait_until(what, look, seconds)
        return found

    def until_phase(self, phase: str, seconds: float = 60) -> dict[str, Any]:
        return self.until(f"phase {phase}", lambda workload: workload["phase"] == phase, seconds)

    def wait_until(self, what: str, holds: Callable[[], Any], seconds: float) -> None:
        deadline = time.monotonic() + seconds * PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds * PATIENCE} s: {what}\n{self.account()}")
            time.sleep(0.3)

    def stays(self, holds: Callable[[], Any], seconds: float) -> None:
        """Asserts that something holds all the time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert holds(), self.account()
            time.sleep(0.3)

    def account(self) -> str:
        """What a reader of a failed test needs."""
        calls = [
            f"{call['region']} {call['action']} -> {call['status']} {call['fault'] or ''}"
            for call in self.world.changes()]
        status = self.ctl("status", "--json").stdout if self.alive() else "(not running)"
        return "\n".join([
            "--- status", status[-6000:], "--- explain", self.explain() if self.alive() else "", "--- changes", *calls,
            "--- log", self.log()[-6000:]])

    # At the end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_at_end()
        self.look_for_secrets()

    def kill_at_end(self) -> None:
        """Remembers what `ps` showed, then ends it."""
        if self.alive() and self.process is not None:
            self.said += Path(f"/proc/{self.process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        self.kill()

    def look_for_secrets(self) -> None:
        """In everything it left behind or showed (F96)."""
        for file in self.directory.rglob("*"):
            if not stat.S_ISREG(file.lstat().st_mode):
                continue
            content = file.read_bytes()
            for secret in SECRETS:
                assert secret.encode() not in content, f"a secret stands in {file.name}"
        for secret in SECRETS:
            assert secret not in self.said, "pilotlightctl or argv showed a secret"


def pass_time(daemon: Daemon, minutes: int) -> None:
    """The watchdog is away for so long by its own time line, and finds the world where it left it: hours of a cloud that
    stands still, in a moment."""
    daemon.kill()
    ledger = sqlite3.connect(daemon.directory / "ledger.db")
    with ledger:
        ((boot, origin),) = [value.split() for value, in ledger.execute("SELECT value FROM facts WHERE key = 'timeline'")]
        later = f"{boot} {int(origin) + minutes * 60 * 10**9}"
        ledger.execute("UPDATE facts SET value = ? WHERE key = 'timeline'", (later,))
    ledger.close()
    daemon.start()
