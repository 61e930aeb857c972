"""A real MariaDB."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import databases

#: Whom the program asks as, with no more rights than it says it needs.
NAME, PASSWORD = "app", "canary-of-the-database"


class Server(databases.Server):
    """One server; with a source it is a replica by GTID."""

    def __init__(self, directory: Path, source: Server | None = None, binary_log: bool = True) -> None:
        self.binary_log = binary_log
        super().__init__(directory, source)
        self.run_until_done("mariadb-admin", *self._connection(), "--silent", "ping")
        self.ask(f"""SET sql_log_bin = 0; CREATE USER {NAME} IDENTIFIED BY '{PASSWORD}'; GRANT SELECT, SLAVE MONITOR ON *.* TO {NAME};
            CREATE USER replicator; GRANT REPLICATION SLAVE ON *.* TO replicator""")
        if source:
            self.ask(f"""CHANGE MASTER TO master_host='127.0.0.1', master_port={source.port}, master_user='replicator',
                master_use_gtid=slave_pos; START SLAVE""")

    def create(self, source: databases.Server | None) -> None:
        assert shutil.which("mariadb-install-db"), "MariaDB's programs are not there: apt-get install mariadb-server-core mariadb-client"
        self.run("mkdir", self.directory)
        words = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        self.run("mariadb-install-db", "--no-defaults", *self._directories(), *words)

    def command(self) -> list[str | Path]:
        log = ["--log-bin=log", "--log-slave-updates"] if self.binary_log else []
        return [
            "mariadbd", "--no-defaults", *self._directories(), f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--socket={self.directory}/s", f"--server-id={self.port}", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", *log]

    def _directories(self) -> list[str]:
        """A server that begins deletes the temporary tables that it finds, so no two share a place for them."""
        return [f"--datadir={self.directory}/data", f"--tmpdir={self.directory}"]

    def _connection(self) -> list[str]:
        return ["--no-defaults", "--host=127.0.0.1", f"--port={self.port}", "--user=root"]

    def ask(self, query: str) -> str:
        answer = subprocess.run(
            ["mariadb", *self._connection(), "--batch", "--skip-column-names", "--execute", query],
            check=True, capture_output=True, text=True)
        return answer.stdout.strip()
