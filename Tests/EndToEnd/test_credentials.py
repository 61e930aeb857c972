"""The instance's role as IMDSv2 gives it, and what becomes of a failover when it does not."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aws.client import Control
from aws.state import ACCESS_KEY, SECRET_KEY
from checks import assert_failed_over
from daemon import Daemon
from world import World

TOKEN = "a-token-of-version-2"


class Metadata:
    """IMDSv2 on a port of its own: keys of a role that end in so many seconds, each time anew, until it is down."""

    def __init__(self) -> None:
        self.lasting = 3600.0
        self.is_up = True
        self.asked: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def _answer(self, status: int, text: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self) -> None:
                service.asked.append(self.path)
                self._answer(200, TOKEN) if service.is_up else self._answer(503)

            def do_GET(self) -> None:
                service.asked.append(self.path)
                if not service.is_up:
                    return self._answer(503)
                if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
                    return self._answer(401)
                if self.path.endswith("/security-credentials/"):
                    return self._answer(200, "pilotlight")
                ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + service.lasting))
                self._answer(200, json.dumps({
                    "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY,
                    "Token": "a-session", "Expiration": ends}))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class OnInstance(Daemon):
    """It has no keys but those of its instance."""

    def __init__(self, world: World, directory: Path, metadata: Metadata) -> None:
        super().__init__(world, directory, {"page": {"topic": world.topic}})
        self.metadata = metadata

    def environment(self) -> dict[str, str]:
        given = {name: value for name, value in super().environment().items() if not name.startswith("AWS_")}
        return given | {
            "AWS_ENDPOINT_URL": self.world.control.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata.url}

    def calls(self) -> list[str]:
        return [page for page in self.world.announcements() if page.endswith("id pilotlightd/credentialsEnding")]


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    service = Metadata()
    yield service
    service.close()


@pytest.fixture
def daemon(world: World, tmp_path: Path, metadata: Metadata) -> Iterator[OnInstance]:
    with OnInstance(world, tmp_path, metadata) as made:
        yield made


def test_when_the_metadata_service_is_down_somebody_is_called_before_the_end_and_a_failover_goes_on_after_it(
    world: World, metadata: Metadata, daemon: OnInstance
) -> None:
    """F48: the keys in use are used on, and AWS is known to take them."""
    # A minute passes before keys are fetched again, however little is left of them.
    metadata.lasting = 68
    daemon.start().armed()
    secret = world.secret(world.dr)
    began = time.time()
    metadata.is_up = False
    daemon.wait_until("somebody is called", daemon.calls, 75)
    left = re.search(r"those in use end in (-?\d+) s", daemon.calls()[0])
    assert left and int(left[1]) > 0, daemon.calls()
    time.sleep(max(0.0, began + metadata.lasting + 1 - time.time()))
    asked = len(metadata.asked)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    # Once in half a minute, not at each of the hundred calls meanwhile.
    assert len(metadata.asked) - asked <= 6 and len(daemon.calls()) == 1
    metadata.lasting, metadata.is_up = 3600, True


def test_keys_that_end_in_mid_plan_are_fetched_anew_and_the_failover_goes_on(
    world: World, aws: Control, metadata: Metadata, daemon: OnInstance
) -> None:
    """F49: AWS says that they ended."""
    daemon.start().armed()
    secret = world.secret(world.dr)
    fault = aws.fault("expired-token", action="PromoteReadReplica", count=1)
    before = len(metadata.asked)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert aws.struck(fault) == 1 and len(metadata.asked) > before
    assert_failed_over(world, secret)


def test_without_version_2_of_the_metadata_service_it_watches_is_not_armed_and_says_why(
    world: World, metadata: Metadata, daemon: OnInstance
) -> None:
    """F50: version 1 is never asked. It does not refuse to start: who does not watch cannot say so at the worst of times either."""
    metadata.is_up = False
    daemon.start()
    daemon.until("it says why", lambda workload: any(
        "credentials" in reason and "IMDSv2" in reason for reason in workload["armed"]["reasons"]), 20)
    assert set(metadata.asked) == {"/latest/api/token"}
    assert not daemon.status()["armed"]["ok"]
    metadata.is_up = True
    daemon.until("it is armed", lambda workload: workload["armed"]["ok"], 60)
