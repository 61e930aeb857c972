"""The disk of the ledger fails a living daemon, and one that starts: nothing is done that is not written, and somebody is called."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

import settings
from checks import assert_failed_over
from daemon import NEEDS_SOMEBODY, PATIENCE, Daemon
from world import World


class Fragile(Daemon):
    """Its disk does what a test wants, and where a test listens it is a service."""

    def __init__(self, world: World, directory: Path, library: Path) -> None:
        shim = {"LD_PRELOAD": str(library), "OBSTRUCT_IN": str(directory)}
        super().__init__(world, directory, {"page": {"topic": world.topic}, "detection.pollInterval": "500ms"}, shim)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(directory / "notify"))
        self.manager.setblocking(False)
        self.told: list[str] = []
        self.ledger = directory / "ledger.db"

    def as_a_service(self) -> Fragile:
        self.extra_environment |= {
            "NOTIFY_SOCKET": str(self.directory / "notify"), "RUNTIME_DIRECTORY": str(self.directory)}
        self.start(wait=False)
        return self

    def ends(self) -> int:
        """The exit code, heard by somebody who listens to what a service tells: who does not makes it wait."""
        self.wait_until("it ends", lambda: not self.has_told("READY=1") and not self.alive(), 60)
        assert self.process is not None
        return self.process.returncode

    @property
    def note(self) -> Path:
        """Since when it cannot start, and who was called for it."""
        return self.directory / "cannot-start"

    def has_failed_for(self, seconds: int) -> None:
        content = json.loads(self.note.read_text())
        self.note.write_text(json.dumps(content | {"began": content["began"] - seconds}))

    def has_told(self, text: str) -> bool:
        """The service manager."""
        try:
            while True:
                self.told.append(self.manager.recv(65_536).decode())
        except BlockingIOError:
            return any(text in told for told in self.told)

    def calls(self, kind: str) -> list[str]:
        return [page for page in self.world.announcements() if page.endswith(f"id pilotlightd/{kind}")]

    def acts(self) -> list[str]:
        return [call["action"] for call in self.world.changes() if call["action"] != "Publish"]


@pytest.fixture
def fragile(world: World, tmp_path: Path, shim: Callable[[str], Path]) -> Iterator[Fragile]:
    with Fragile(world, tmp_path, shim("obstruct")) as daemon:
        yield daemon
    daemon.manager.close()


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_disk_that_takes_no_writes_holds_everything_until_it_does(world: World, fragile: Fragile, trouble: str) -> None:
    """F62, F69: it is watched and called on, and nothing is done; room again, and the failover goes its way."""
    fragile.start().armed()
    secret = world.secret(world.dr)
    (fragile.directory / trouble).touch()
    world.break_primary()
    fragile.wait_until("somebody is called", lambda: fragile.calls("ledgerBroken"), 30)
    fragile.until("it is seen", lambda workload: workload["assessment"]["verdict"] == "down", 20)
    fragile.stays(lambda: fragile.acts() == [], 5)
    assert "the ledger cannot be written" in fragile.ctl("status").stdout
    assert "nothing is acted upon" in fragile.log() and len(fragile.calls("ledgerBroken")) == 1
    # An order would have to be written, too.
    assert "cannot be written" in fragile.order("pause", expect=1)
    (fragile.directory / trouble).unlink()
    fragile.until_phase("dr-active", 90)
    assert_failed_over(world, secret)
    assert "the ledger can be written again" in fragile.log()


@pytest.mark.parametrize("trouble", ["io-error", "sync-error"])
def test_an_io_error_ends_the_process_when_somebody_is_called_and_the_next_goes_on(
    world: World, fragile: Fragile, trouble: str
) -> None:
    """F63, F64: what is on the disk after it nobody knows, and the kernel tells of pages that it could not write once; a new process
    reads what is there."""
    fragile.start().armed()
    secret = world.secret(world.dr)
    (fragile.directory / trouble).touch()
    world.break_primary()
    assert fragile.process is not None and fragile.process.wait(60 * PATIENCE) == os.EX_IOERR
    assert fragile.calls("ledgerBroken") and fragile.acts() == []
    if trouble == "sync-error":
        tries = (fragile.directory / "sync-error.tries").read_text().split()
        assert tries == [str(fragile.process.pid)], "a failed fsync is not tried again"
    (fragile.directory / trouble).unlink()
    fragile.start().until_phase("dr-active", 90)
    assert_failed_over(world, secret)


def test_an_io_error_that_stays_calls_somebody_once_whatever_number_of_starts(world: World, fragile: Fragile) -> None:
    """F63: each start is a process of its own, and fails at what it writes first."""
    fragile.start().armed()
    fragile.terminate()
    (fragile.directory / "io-error").touch()
    for _ in range(2):
        assert fragile.as_a_service().ends() == 1
    assert fragile.has_told("cannot start") and world.announcements() == []
    # It has been so for a while.
    fragile.has_failed_for(60)
    for _ in range(2):
        assert fragile.as_a_service().ends() == 1
    (page,) = fragile.calls("cannotStart")
    assert "disk I/O error" in page and not fragile.has_told("READY=1") and fragile.acts() == []
    (fragile.directory / "io-error").unlink()
    fragile.as_a_service().wait_until("it is ready", lambda: fragile.has_told("READY=1"), 15)
    fragile.armed()
    assert not fragile.note.exists()


def test_a_disk_that_hangs_a_start_is_told_of_before_the_start_is_given_up(world: World, fragile: Fragile) -> None:
    """The service manager ends a start 15 s after it last made progress, and no sooner than after 30 s (TimeoutStartSec=)."""
    fragile.start().armed()
    fragile.terminate()
    (fragile.directory / "ledger").touch()
    fragile.as_a_service()
    began = time.monotonic()
    fragile.wait_until("it says so", lambda: fragile.has_told("no progress"), 30)
    assert time.monotonic() - began < 25 * PATIENCE and fragile.alive() and world.announcements() == []
    # As systemd does it then.
    assert fragile.terminate() == 0
    fragile.has_failed_for(60)
    fragile.as_a_service()
    fragile.wait_until("somebody is called", lambda: not fragile.has_told("READY=1") and fragile.calls("cannotStart"), 30)
    (fragile.directory / "ledger").unlink()
    (fragile.directory / "ledger.over").touch()
    fragile.wait_until("it is ready", lambda: fragile.has_told("READY=1"), 15)
    assert not fragile.note.exists() and len(fragile.calls("cannotStart")) == 1


def test_a_stop_ends_a_start_that_fails(world: World, fragile: Fragile) -> None:
    """At any moment: nothing has begun."""
    fragile.start().armed()
    fragile.terminate()
    away = fragile.ledger.rename(fragile.directory / "away")
    fragile.ledger.mkdir()
    fragile.as_a_service().wait_until("it fails", lambda: fragile.has_told("cannot start"), 15)
    assert fragile.terminate() == 0
    fragile.ledger.rmdir()
    away.rename(fragile.ledger)


def test_who_was_told_that_it_goes_on_by_itself_hears_that_it_does_not(world: World, fragile: Fragile) -> None:
    fragile.start().armed()
    fragile.terminate()
    away = fragile.ledger.rename(fragile.directory / "away")
    fragile.ledger.mkdir()
    assert fragile.as_a_service().ends() == 1
    fragile.has_failed_for(60)
    assert fragile.as_a_service().ends() == 1 and len(fragile.calls("cannotStart")) == 1
    fragile.ledger.rmdir()
    away.write_bytes(b"this is no database " * 1000)
    away.rename(fragile.ledger)
    for _ in range(2):
        assert fragile.as_a_service().ends() == NEEDS_SOMEBODY
    _, page = fragile.calls("cannotStart")
    assert "the ledger is damaged" in page


def test_a_ledger_that_was_changed_ends_the_start_for_good_and_calls_somebody(world: World, fragile: Fragile) -> None:
    """F66: it would be so at the next start, too. Somebody is called although the first try fails."""
    fragile.start().armed()
    fragile.terminate()
    with sqlite3.connect(fragile.ledger) as database:
        database.execute("UPDATE entries SET sentence = 'nothing happened' WHERE sequence = 2")
    database.close()
    world.control.fault("error", action="Publish", status=503, count=2)
    for _ in range(2):
        assert fragile.as_a_service().ends() == NEEDS_SOMEBODY
    (page,) = fragile.calls("cannotStart")
    assert "record 2" in page and not fragile.has_told("READY=1")
    assert fragile.acts() == []


def test_a_topic_that_cannot_be_told_neither_silences_another_nor_has_it_told_again(world: World, fragile: Fragile) -> None:
    """Two teams: one's topic is gone."""
    gone = world.sns.create_topic(Name="gone")["TopicArn"]
    world.sns.delete_topic(TopicArn=gone)
    fragile.start().armed()
    fragile.terminate()
    content = yaml.safe_load(fragile.config.read_text())
    (first,) = content["workloads"]
    second = json.loads(json.dumps(first).replace("django-app", "another-app")) | {"page": {"topic": gone}}
    second["traffic"]["route53"]["record"] = f"another-{first['traffic']['route53']['record']}"
    settings.write(content | {"workloads": [first, second]}, fragile.config)
    away = fragile.ledger.rename(fragile.directory / "away")
    fragile.ledger.mkdir()
    assert fragile.as_a_service().ends() == 1
    fragile.has_failed_for(60)
    for _ in range(2):
        assert fragile.as_a_service().ends() == 1
    assert len(fragile.calls("cannotStart")) == 1
    asked = [call["status"] for call in world.changes("Publish")]
    assert len([status for status in asked if status != 200]) >= 2, asked
    fragile.ledger.rmdir()
    away.rename(fragile.ledger)
