"""Starts the stand-in as a process, and speaks to its admin interface."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from . import routing_controls
from .state import ACCESS_KEY, SECRET_KEY

#: Where a service is not at the root.
PATHS = {routing_controls.SERVICE: routing_controls.PATH}


class Control:
    """The admin interface of a running stand-in."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._clients: dict[tuple[str, str, str], Any] = {}

    @classmethod
    @contextlib.contextmanager
    def started(cls, **settings: Any) -> Iterator[Control]:
        """A stand-in of its own, ended when the block ends."""
        process = subprocess.Popen(
            [sys.executable, "-m", "aws", "--while-stdin", "--settings", json.dumps(settings)],
            cwd=Path(__file__).resolve().parent.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield cls(json.loads(line)["port"])
        finally:
            process.kill()
            process.wait()

    def ask(self, method: str, path: str, wish: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_pilotlight/{path}", method=method,
            data=None if wish is None else json.dumps(wish).encode())
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise ValueError(refusal.read().decode()) from None

    def reset(self, seed: int = 0, **settings: Any) -> None:
        self.ask("POST", "reset", {"seed": seed, "settings": settings})

    def configure(self, **settings: Any) -> None:
        self.ask("POST", "settings", settings)

    def fault(self, kind: str, **rule: Any) -> int:
        """Lays a fault; the number lifts it again."""
        return self.ask("POST", "faults", {"kind": kind, **rule})["id"]

    def lift(self, number: int | None = None) -> None:
        self.ask("DELETE", "faults" if number is None else f"faults/{number}")

    def struck(self, number: int) -> int:
        """How many calls have met this fault."""
        return next((rule["struck"] for rule in self.ask("GET", "faults") if rule["id"] == number), 0)

    def calls(self, since: int = 0, mutating: bool | None = None, action: str | None = None) -> list[dict[str, Any]]:
        query = f"since={since}" + ("" if mutating is None else f"&mutating={int(mutating)}")
        return self.ask("GET", f"calls?{query}" + (f"&action={action}" if action else ""))

    def mark(self) -> int:
        """The number of the newest call, for `calls(since=…)`."""
        return max((call["n"] for call in self.calls()), default=0)

    def promotions(self) -> list[dict[str, Any]]:
        return self.ask("GET", "state")["promotions"]

    def zones(self) -> dict[str, list[dict[str, Any]]]:
        """Record sets by zone, as Route 53's name servers know them; no fault of the API touches it, and no call is logged."""
        return self.ask("GET", "zones")

    def lag(self, region: str, identifier: str, mode: str, **script: Any) -> None:
        self.ask("POST", "lag", {"region": region, "id": identifier, "mode": mode, **script})

    def targets(self, arn: str, mode: str, **script: Any) -> None:
        self.ask("POST", "targets", {"arn": arn, "mode": mode, **script})

    def region_dead(self, region: str, dead: bool = True, since: float = 0) -> None:
        self.ask("POST", "regions", {"region": region, "dead": dead, "since": since})

    def instance_status(self, region: str, identifier: str, status: str) -> None:
        self.ask("POST", "instance", {"region": region, "id": identifier, "status": status})

    def cluster(self, region: str, identifier: str, **wish: Any) -> None:
        self.ask("POST", "cluster", {"region": region, "id": identifier, **wish})

    def launch_failure(self, region: str, group: str, message: str | None, **script: Any) -> None:
        self.ask("POST", "launch-failure", {"region": region, "group": group, "message": message, **script})

    def routing_controls(self) -> dict[str, str]:
        """`On` or `Off` by ARN; no fault of the API touches it, and no call is logged."""
        return self.ask("GET", "routing-controls")["states"]

    def routing_history(self) -> list[dict[str, str]]:
        """The states of all after each change, oldest first."""
        return self.ask("GET", "routing-controls")["history"]

    def set_routing_controls(self, states: dict[str, str | None]) -> None:
        """By hand; None deletes one."""
        self.ask("POST", "routing-controls", states)

    def safety_rules(self, *rules: dict[str, Any]) -> dict[str, str]:
        """In place of those there were; their ARNs by name."""
        return self.ask("POST", "safety-rules", {"rules": rules})

    def client(self, service: str, region: str, secret_key: str = SECRET_KEY, **config: Any) -> Any:
        """A boto3 client that never retries: what it sees is what was answered."""
        key = (service, region, secret_key + repr(config))
        if key not in self._clients:
            config = {"connect_timeout": 2, "read_timeout": 10, "proxies": {}, **config}
            self._clients[key] = boto3.session.Session().client(
                service, region_name=region, endpoint_url=self.url + PATHS.get(service, ""), aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key=secret_key,
                config=Config(
                    retries={"total_max_attempts": 1}, request_checksum_calculation="when_required",
                    response_checksum_validation="when_required", s3={"addressing_style": "path"}, **config))
        return self._clients[key]
