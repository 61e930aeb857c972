"""A real PostgreSQL with a streaming replica of it, on loopback."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from daemon import PATIENCE, die_with_parent

#: PostgreSQL refuses to run as root.
USER = "nobody" if os.geteuid() == 0 else None


def _programs() -> Path:
    found = glob.glob("/usr/lib/postgresql/*/bin")
    assert found, "PostgreSQL's programs are not there: apt-get install postgresql"
    return Path(max(found, key=lambda directory: int(directory.split("/")[4])))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One cluster."""

    def __init__(self, directory: Path, source: Server | None = None) -> None:
        self.directory, self.port = directory, _free_port()
        if source:
            self._run("pg_basebackup", "-D", directory, "-R", "-h", "127.0.0.1", "-p", str(source.port), "-U", "app")
        else:
            self._run("initdb", "-D", directory, "-U", "app", "--auth=trust", "--no-sync")
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [_programs() / "postgres", "-D", directory, *words], user=USER, cwd="/", stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
        self._run(
            "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1", attempts=round(60 * PATIENCE))

    def _run(self, program: str, *words: str | Path, attempts: int = 1) -> None:
        for left in reversed(range(attempts)):
            done = subprocess.run(
                [_programs() / program, *words], user=USER, check=left == 0, stdout=subprocess.DEVNULL, cwd="/")
            if done.returncode == 0:
                return
            time.sleep(0.5)

    def ask(self, query: str) -> str:
        answer = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "app", "-d", "postgres", "-c", query],
            check=True, capture_output=True, text=True)
        return answer.stdout.strip()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(10 * PATIENCE)


class Pair:
    """A source and its replica."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pilotlight-postgres-"))
        if USER:
            shutil.chown(self.directory, USER)
        self.running: list[Server] = []
        try:
            self.source = self.another()
            self.replica = self.another(self.source)
        except BaseException:
            self.close()
            raise

    def another(self, source: Server | None = None) -> Server:
        server = Server(self.directory / str(len(self.running)), source)
        self.running.append(server)
        return server

    def close(self) -> None:
        for server in reversed(self.running):
            server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
