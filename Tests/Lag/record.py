#!/usr/bin/env python3
"""Records what real replicas say of their lag, beside what is true: MariaDB and PostgreSQL from Debian, a primary and a replica each, with a
link between them that can be held up without being closed. Run by hand when the recordings in `../CoreTests/Fixtures` are to be made
anew; it takes six minutes and needs `mariadb-server` and `postgresql`.

A line of a recording: seconds since the start, lag as the engine says (-1: not active), the newest write on the primary and on the
replica (seconds since the start). Lines that begin with `#` tell what happens."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[1] / "CoreTests" / "Fixtures"
EVERY = 5.0
SCRIPT = [(0, "write", "a write a second"), (40, "idle", "nothing is written"), (160, "write", "a write a second"),
          (180, "hold", "nothing comes through the link any more; the primary takes writes"),
          (290, "release", "the link works again"), (340, "end", "")]


class Link:
    """A TCP proxy whose connections stay open while nothing comes through."""

    def __init__(self, target: int) -> None:
        self.target, self.held = target, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self._pump, args=(near,), daemon=True).start()

    def _pump(self, near: socket.socket) -> None:
        while self.held:
            time.sleep(0.1)
        far = socket.create_connection(("127.0.0.1", self.target))
        other = {near: far, far: near}
        while True:
            if self.held:
                time.sleep(0.1)
                continue
            for one in select.select([near, far], [], [], 0.2)[0]:
                data = one.recv(65536)
                if not data:
                    near.close()
                    far.close()
                    return
                other[one].sendall(data)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def run(*words: str | Path, **options: object) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options).stdout  # type: ignore[call-overload]


def wait(what: Callable[[], object]) -> None:
    for _ in range(300):
        try:
            what()
            return
        except subprocess.CalledProcessError:
            time.sleep(0.2)
    what()


@contextmanager
def mariadb(home: Path) -> Iterator[tuple[Link, Callable[[float], None], Callable[[], tuple[float, float, float]]]]:
    ports = {"primary": free_port(), "replica": free_port()}
    servers = []
    for number, (name, port) in enumerate(ports.items(), 1):
        data = home / name
        run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db")
        servers.append(subprocess.Popen(
            ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
             f"--socket={data}/s", f"--server-id={number}", "--log-bin=log", "--skip-name-resolve"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def ask(name: str, text: str) -> str:
        return run("mariadb", "--no-defaults", f"--socket={home / name}/s", "-uroot", "-E", "-e", text)

    for name in ports:
        wait(lambda: ask(name, "select 1"))
    ask("primary", "create user r@'127.0.0.1' identified by 'r'; grant replication slave on *.* to r@'127.0.0.1';"
        "create database d; create table d.t (at double)")
    link = Link(ports["primary"])
    ask("replica", f"change master to master_host='127.0.0.1', master_port={link.port}, master_user='r', master_password='r',"
        "master_log_file='log.000001', master_log_pos=4; start slave")

    def look() -> tuple[float, float, float]:
        status = ask("replica", "show slave status")
        (said,) = [line.split(": ")[1] for line in status.splitlines() if "Seconds_Behind_Master" in line]
        newest = [float(ask(name, "select coalesce(max(at), 0) n from d.t").split("n: ")[1]) for name in ports]
        return -1 if said == "NULL" else float(said), newest[0], newest[1]

    wait(lambda: ask("replica", "select * from d.t"))
    try:
        yield link, lambda at: ask("primary", f"insert into d.t values ({at})") and None, look
    finally:
        for server in servers:
            server.kill()


@contextmanager
def postgres(home: Path) -> Iterator[tuple[Link, Callable[[float], None], Callable[[], tuple[float, float, float]]]]:
    binaries = next(Path("/usr/lib/postgresql").glob("*/bin"))
    shutil.chown(home, "postgres")
    ports = {"primary": free_port(), "replica": free_port()}

    def as_postgres(*words: str | Path) -> str:
        return run("runuser", "-u", "postgres", "--", *words, cwd="/")

    def start(name: str, *options: str) -> None:
        more = " ".join(options)
        subprocess.run(
            ["runuser", "-u", "postgres", "--", binaries / "pg_ctl", "-D", home / name, "-w", "-l", home / f"{name}.log",
             "-o", f"-p {ports[name]} -k {home} -c listen_addresses=127.0.0.1 {more}", "start"],
            check=True, stdout=subprocess.DEVNULL, cwd="/")

    def ask(name: str, text: str) -> str:
        return as_postgres("psql", "-h", home, "-p", str(ports[name]), "-At", "-c", text)

    as_postgres(binaries / "initdb", "-D", home / "primary", "-A", "trust", "-N")
    start("primary", "-c wal_level=replica")
    link = Link(ports["primary"])
    as_postgres(binaries / "pg_basebackup", "-h", "127.0.0.1", "-p", str(link.port), "-D", home / "replica", "-R", "-X", "stream")
    start("replica")
    ask("primary", "create table t (at double precision)")

    def look() -> tuple[float, float, float]:
        said = ask("replica", "select case when exists (select from pg_stat_wal_receiver where status = 'streaming')"
                   " then extract(epoch from now() - pg_last_xact_replay_timestamp()) else -1 end").strip()
        newest = [float(ask(name, "select coalesce(max(at), 0) from t").strip() or 0) for name in ports]
        return float(said or -1), newest[0], newest[1]

    wait(lambda: ask("replica", "select * from t"))
    try:
        yield link, lambda at: ask("primary", f"insert into t values ({at})") and None, look
    finally:
        for name in ports:
            subprocess.run(["runuser", "-u", "postgres", "--", binaries / "pg_ctl", "-D", home / name, "-m", "immediate", "stop"],
                           stdout=subprocess.DEVNULL, cwd="/", check=False)


def record(name: str, server: Callable[[Path], object]) -> None:
    home = Path(tempfile.mkdtemp(prefix="lag-"))
    os.chmod(home, 0o755)
    lines = []
    try:
        with server(home) as (link, write, look):  # type: ignore[attr-defined]
            began, script, writes = time.time(), list(SCRIPT), True
            next_look = next_write = 0.0
            while script:
                now = time.time() - began
                if now >= script[0][0]:
                    _, act, text = script.pop(0)
                    if act == "end":
                        break
                    lines.append(f"# {text}")
                    link.held = {"hold": True, "release": False}.get(act, link.held)
                    writes = {"write": True, "idle": False, "hold": True}.get(act, writes)
                if writes and now >= next_write:
                    write(round(now, 2))
                    next_write = now + 1
                if now >= next_look:
                    lag, primary, replica = look()
                    lines.append(f"{time.time() - began:.2f} {lag:.2f} {primary:.2f} {replica:.2f}")
                    next_look = now + EVERY
                time.sleep(0.05)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    FIXTURES.mkdir(exist_ok=True)
    (FIXTURES / f"{name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    workers = [threading.Thread(target=record, args=one) for one in (("mariadb", mariadb), ("postgres", postgres))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
