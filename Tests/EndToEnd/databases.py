"""Two real database servers on loopback, a source and its replica, and the program that compares them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from daemon import PATIENCE, ROOT, die_with_parent

#: PostgreSQL refuses to run as root, and MariaDB does so only when it is told to.
USER = "nobody" if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One server; a subclass says which."""

    #: What ends it at once.
    END = signal.SIGKILL

    def __init__(self, directory: Path, source: Server | None = None) -> None:
        self.directory, self.port = directory, _free_port()
        self.create(source)
        self.process = subprocess.Popen(
            self.command(), user=USER, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def create(self, source: Server | None) -> None:
        raise NotImplementedError

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def run(self, *words: str | Path, attempts: int = 1) -> None:
        for left in reversed(range(attempts)):
            done = subprocess.run(words, user=USER, check=left == 0, stdout=subprocess.DEVNULL, cwd="/")
            if done.returncode == 0:
                return
            time.sleep(0.5)

    def run_until_done(self, *words: str | Path) -> None:
        self.run(*words, attempts=round(60 * PATIENCE))

    def stop(self) -> None:
        self.process.send_signal(self.END)
        self.process.wait(10 * PATIENCE)


Kind = TypeVar("Kind", bound=Server)


class Pair(Generic[Kind]):
    """A source and its replica."""

    def __init__(self, kind: type[Kind]) -> None:
        self.kind = kind
        self.directory = Path(tempfile.mkdtemp(prefix=f"pilotlight-{kind.__module__}-"))
        if USER:
            shutil.chown(self.directory, USER)
        self.running: list[Kind] = []
        try:
            self.source = self.another()
            self.replica = self.another(source=self.source)
        except BaseException:
            self.close()
            raise

    def another(self, **words: Any) -> Kind:
        server = self.kind(self.directory / str(len(self.running)), **words)
        self.running.append(server)
        return server

    def close(self) -> None:
        for server in reversed(self.running):
            server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Comparison:
    """A program among config/programs, as a step of a run."""

    def __init__(self, program: str, source: int, replica: int, environment: Mapping[str, str]) -> None:
        self.program, self.source, self.replica = ROOT / "config" / "programs" / program, source, replica
        self.environment = {"PATH": "/usr/bin:/bin", **environment}

    def begin(self, *tables: str, run: str = "failback", source: int | None = None) -> subprocess.Popen[str]:
        ends = [source or self.source, self.replica]
        primary, dr = ends if run == "switchover" else reversed(ends)
        environment = {
            **self.environment, "PILOTLIGHT_RUN": run,
            "PILOTLIGHT_PRIMARY_DATABASE_HOST": "127.0.0.1", "PILOTLIGHT_PRIMARY_DATABASE_PORT": str(primary),
            "PILOTLIGHT_DR_DATABASE_HOST": "127.0.0.1", "PILOTLIGHT_DR_DATABASE_PORT": str(dr)}
        return subprocess.Popen([self.program, *tables], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __call__(self, *tables: str, **words: Any) -> subprocess.CompletedProcess[str]:
        process = self.begin(*tables, **words)
        told, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, told)

    def waits_for(self, release: Callable[[], object]) -> None:
        """It has not ended while the replica stands still, and ends well once that is released."""
        process = self.begin()
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=3)
        release()
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, told
