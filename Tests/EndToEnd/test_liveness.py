"""Signs of life: the service manager hears them only while every loop turns."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon import PATIENCE, Daemon
from world import World


class Watched(Daemon):
    """Its service manager is this test, and its log a pipe that this test can leave full."""

    #: WatchdogSec; a sign of life is due at each third of it.
    SECONDS = 1.5 * PATIENCE

    def __init__(self, world: World, directory: Path, library: Path) -> None:
        preloaded = {"LD_PRELOAD": str(library), "OBSTRUCT_IN": str(directory)}
        super().__init__(world, directory, {"detection.confirmFor": "5m"}, preloaded)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(directory / "notify"))
        os.mkfifo(self.log_file)
        self.reader = os.open(self.log_file, os.O_RDONLY | os.O_NONBLOCK)
        self.signs = 0
        self.newest = time.monotonic()
        self.drained = b""
        self.draining = threading.Event()
        self.draining.set()
        self.reading = threading.Lock()
        self.is_over = False
        self.threads = [threading.Thread(target=body, daemon=True) for body in (self._hear, self._drain)]
        for thread in self.threads:
            thread.start()

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "NOTIFY_SOCKET": str(self.directory / "notify"), "WATCHDOG_USEC": str(round(self.SECONDS * 1e6))}

    def log(self) -> str:
        return self.drained.decode(errors="replace")

    def _hear(self) -> None:
        self.manager.settimeout(0.1)
        while not self.is_over:
            try:
                told = self.manager.recv(65_536)
            except TimeoutError:
                continue
            if told.startswith(b"WATCHDOG=1"):
                self.signs += 1
                self.newest = time.monotonic()

    def _drain(self) -> None:
        while not self.is_over:
            if not self.draining.wait(0.1):
                continue
            with self.reading:
                if self.draining.is_set() and select.select([self.reader], [], [], 0.1)[0]:
                    self.drained += os.read(self.reader, 65_536)

    def silence(self) -> float:
        return time.monotonic() - self.newest

    def signs_of_life(self) -> None:
        """Waits for some more of them."""
        before = self.signs
        self.wait_until("signs of life", lambda: self.signs >= before + 5, 15)

    def fill_log(self) -> None:
        """From here on who writes a line waits."""
        self.draining.clear()
        # Once this is ours nobody reads any more.
        with self.reading:
            pass
        # A description of its own: O_NONBLOCK would else be the daemon's too.
        writer = os.open(self.log_file, os.O_WRONLY | os.O_NONBLOCK)
        for size in (4096, 1):
            try:
                while True:
                    os.write(writer, b"\n" * size)
            except BlockingIOError:
                pass
        os.close(writer)

    def close(self) -> None:
        self.draining.set()
        self.kill()
        self.is_over = True
        for thread in self.threads:
            thread.join()
        os.close(self.reader)
        self.manager.close()


@pytest.fixture
def watched(world: World, tmp_path: Path, shim: Callable[[str], Path]) -> Iterator[Watched]:
    daemon = Watched(world, tmp_path, shim("obstruct"))
    try:
        daemon.start().armed()
        daemon.signs_of_life()
        yield daemon
    finally:
        daemon.close()


def test_a_wedged_decision_loop_ends_the_signs_of_life(world: World, watched: Watched) -> None:
    """F60: the process lives and its other loops turn, but nothing is decided any more."""
    (watched.directory / "decisions").touch()
    world.break_primary()
    watched.wait_until("the signs of life end", lambda: watched.silence() > 2 * watched.SECONDS, 30)
    assert watched.alive()
    assert (watched.directory / "decisions.caught").exists()
    (watched.directory / "decisions.over").touch()
    watched.signs_of_life()
    watched.until_phase("degraded", 15)


def test_a_log_that_nobody_reads_costs_lines_and_no_decision(world: World, watched: Watched) -> None:
    watched.fill_log()
    world.break_primary()
    watched.until_phase("degraded", 15)
    watched.signs_of_life()
    watched.draining.set()
    watched.wait_until("the log goes on", lambda: "degraded" in watched.log(), 15)
