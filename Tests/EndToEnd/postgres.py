"""A real PostgreSQL."""

from __future__ import annotations

import glob
import signal
import subprocess
from pathlib import Path

import databases


def _programs() -> Path:
    found = glob.glob("/usr/lib/postgresql/*/bin")
    assert found, "PostgreSQL's programs are not there: apt-get install postgresql"
    return Path(max(found, key=lambda directory: int(directory.split("/")[4])))


class Server(databases.Server):
    """One cluster; with a source it is a streaming replica."""

    END = signal.SIGQUIT

    def __init__(self, directory: Path, source: Server | None = None) -> None:
        super().__init__(directory, source)
        self.run_until_done(_programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1")

    def create(self, source: databases.Server | None) -> None:
        if source:
            words = ["-D", self.directory, "-R", "-h", "127.0.0.1", "-p", str(source.port), "-U", "app"]
            self.run(_programs() / "pg_basebackup", *words)
        else:
            self.run(_programs() / "initdb", "-D", self.directory, "-U", "app", "--auth=trust", "--no-sync")

    def command(self) -> list[str | Path]:
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [_programs() / "postgres", "-D", self.directory, *words]

    def ask(self, query: str) -> str:
        answer = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "app", "-d", "postgres", "-c", query],
            check=True, capture_output=True, text=True)
        return answer.stdout.strip()
