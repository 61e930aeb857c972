"""The real pilotlightd under soak: its configuration, its process, and what the kernel says of it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud import ACCOUNT
from servers import die_with_parent

#: Enough that the daemon is busy, few enough that two cores keep every interval: some 1,300 polls a second.
WORKLOADS = 40
#: Numbers of the DR region's targets begin here, so that they fail at other times than the primary's.
DR = 1000


@dataclass
class Sample:
    """One look at the process; memory in kB."""

    polls: int
    resident: int
    anonymous: int
    descriptors: int
    threads: int
    #: Processor seconds so far.
    processor: float


def configuration(ports: dict[str, list[int]], directory: Path, generation: int, rest: bool) -> dict[str, Any]:
    """JSON is YAML. Every `generation` differs in a setting of every workload, so that a reload renews all of them. At
    `rest` it polls as rarely as in real life."""
    daemon = {
        "ledger": str(directory / "ledger.db"), "socket": str(directory / "s"), "logLevel": "debug",
        "maxConcurrentFailovers": 1000, "failoverWindow": "1m",
    }
    workloads = [_workload(one, ports, directory, generation) for one in range(WORKLOADS)]
    for workload in workloads if rest else []:
        workload["detection"]["pollInterval"] = "5s"
        for side in ("primary", "dr"):
            workload[side]["alb"].update(interval="5s", recheckInterval="1s")
    return {"daemon": daemon, "workloads": workloads}


def _workload(number: int, ports: dict[str, list[int]], directory: Path, generation: int) -> dict[str, Any]:
    name = f"soak-{number}"
    plain = ports["plain"][number % len(ports["plain"])]
    # Of ten workloads one is refused, one speaks TLS, and one meets a certificate of another name in the DR region.
    urls = {0: f"http://127.0.0.1:{ports['refusing'][0]}", 1: f"https://localhost:{ports['tls'][0]}"}
    primary = urls.get(number % 10, f"http://127.0.0.1:{plain}")
    dr = f"https://127.0.0.1:{ports['tls'][0]}" if number % 10 == 2 else f"http://127.0.0.1:{plain}"
    return {
        "name": name,
        # Every fifth begins a run whenever its primary is down, asks, and takes the run back.
        "mode": "approve" if number % 5 == 4 else "observe",
        "objectives": {"rto": "30m", "rpo": "5m"},
        "primary": {
            **_site("eu-west-1", f"{primary}/{number}/primary", name, directory, generation),
            "targetGroup": f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:targetgroup/{name}/73e2d6bc24d8a067",
        },
        "dr": _site("us-west-2", f"{dr}/{DR + number}/dr", f"{name}-replica", directory, generation),
        "detection": {
            "confirmFor": "1s", "corroborate": "any", "pollInterval": "1s", "timeGap": "5s",
            "references": [{"name": "steady", "url": f"http://127.0.0.1:{plain}/{number + 1}/reference"}],
        },
        "traffic": {"manual": True},
    }


def _site(region: str, url: str, name: str, directory: Path, generation: int) -> dict[str, Any]:
    return {
        "region": region,
        "alb": {
            "url": url, "bodyContains": "ok", "interval": "100ms", "timeout": "100ms",
            "slowAfter": f"{40 + generation % 2}ms", "recheckInterval": "50ms", "fallAfter": 3, "riseAfter": 2,
            "headers": ["X-Soak: yes"],
            **({"caFile": str(directory / "localhost.pem")} if url.startswith("https") else {}),
        },
        "group": {
            "name": name, "capacity": {"min": 1, "desired": 2, "max": 3}, "standby": {"min": 0, "desired": 0, "max": 3},
        },
        "database": {"id": name},
    }


class Daemon:
    """Runs under a service manager that expects a sign of life; its log lines are counted and dropped."""

    def __init__(self, program: Path, ports: dict[str, list[int]], directory: Path) -> None:
        self._ports, self._directory = ports, directory
        self._config = directory / "pilotlight.yaml"
        self._generation = 0
        self.lines = self.pings = self.states = 0
        self._tail = b""
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(directory / "notify"))
        self._program = program
        self._write()
        self.start()
        threading.Thread(target=self._read_notifications, daemon=True).start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "--config", self._config, "--log-format", "json"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self._environment(), start_new_session=True,
            preexec_fn=die_with_parent)
        threading.Thread(target=self._read_log, args=(self._process,), daemon=True).start()

    def last_words(self) -> str:
        time.sleep(0.5)  # for the thread that reads them
        return self._tail.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin", "HOME": str(self._directory), "TZ": "UTC", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._ports['aws'][0]}", "AWS_ACCESS_KEY_ID": "AKIASOAK",
            "AWS_SECRET_ACCESS_KEY": "soak", "NOTIFY_SOCKET": str(self._directory / "notify"),
            "WATCHDOG_USEC": "3000000",
        }

    def _write(self, rest: bool = False) -> None:
        self._config.write_text(json.dumps(configuration(self._ports, self._directory, self._generation, rest)))

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines += 1
            self._tail = (self._tail + line)[-4000:]

    def _read_notifications(self) -> None:
        while True:
            told = self._manager.recv(65_536)
            self.pings += told.startswith(b"WATCHDOG=1")
            self.states += told.startswith(b"STATUS=")

    def reload(self, rest: bool = False) -> None:
        self._generation += 1
        self._write(rest)
        self._process.send_signal(signal.SIGHUP)

    def ask(self, target: str, order: dict[str, Any] | None = None) -> bytes:
        """What the control socket answers."""
        connection = http.client.HTTPConnection("localhost", timeout=20)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(20)
        try:
            connection.sock.connect(str(self._directory / "s"))
            body = None if order is None else json.dumps(order)
            connection.request("GET" if order is None else "POST", target, body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def alive(self) -> bool:
        return self._process.poll() is None

    def sample(self, polls: int) -> Sample:
        proc = Path(f"/proc/{self._process.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        times = (proc / "stat").read_text().rpartition(")")[2].split()
        return Sample(
            polls=polls, resident=int(status["VmRSS"].split()[0]), anonymous=int(status["RssAnon"].split()[0]),
            descriptors=len(os.listdir(proc / "fd")), threads=int(status["Threads"]),
            processor=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"))

    def stop(self) -> int:
        """SIGTERM, as systemd ends it; the exit code."""
        self._process.terminate()
        return self._process.wait(20)

    def kill(self) -> None:
        if self.alive():
            self._process.kill()
            self._process.wait()
