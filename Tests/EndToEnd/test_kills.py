"""kill -9 after every write of the ledger, enumerated: each failover and each failback is finished, with one promotion."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest

from checks import assert_failed_over, assert_home
from daemon import PATIENCE, Daemon
from settings import WORKLOAD
from shims import compiled
from world import DR, PRIMARY, World

#: The kinds of record that a write of an undisturbed run can end with; every other kind is always followed in the same write.
LAST = {"degraded", "ordered", "stepStarted", "acting", "accepted", "runFinished"}

#: How many such records a failover and a failback make. They come in one order, and which of them share a write may vary.
FAILOVER, FAILBACK = 23, 49

#: Shorter than the daemon's own pauses, so that it never waits for the cloud; longer than a restart's first look takes.
SWIFT = {"promote_accept": 0, "promote_modifying": 0.4, "promote_rebooting": 0, "create_replica": 0.4, "launch": 0.2}

#: The orders that lead home.
HOME = (
    ("ack", WORKLOAD, "--loss-reviewed", "--reason", "looked for"),
    ("failback", WORKLOAD, "--confirm", WORKLOAD, "--reason", "home again"))


class Row(NamedTuple):
    """Of the ledger."""

    kind: str
    sentence: str

    @property
    def news(self) -> tuple[str, str]:
        """What it says, whenever that is: its kind, and its step where it has one."""
        return self.kind, self.sentence.partition(":")[0]


class Mortal(Daemon):
    """A daemon that halts behind each of its writes to the ledger, to be killed there or to go on."""

    def __init__(self, world: World, directory: Path, library: Path) -> None:
        self.halts = directory / "halts"
        shim = {"LD_PRELOAD": str(library), "SYNCS_OF": str(directory / "ledger.db"), "HALT_IF": str(self.halts)}
        super().__init__(world, directory, {
            "detection.pollInterval": "500ms", "primary.group.ofPeak": "off", "dr.group.ofPeak": "off"}, shim)
        #: Rows that were there when it began to halt.
        self.before = 0

    def live(self) -> Self:
        """A new life, in which it does not halt."""
        self.halts.unlink(missing_ok=True)
        return self.start()

    def halting(self) -> None:
        """From here on, in this life and the next."""
        self.before = len(self.rows())
        self.halts.touch()

    def rows(self) -> list[Row]:
        """Read from a copy: who opens the ledger itself may fold its log."""
        with tempfile.TemporaryDirectory() as directory:
            for name in ("ledger.db", "ledger.db-wal"):
                shutil.copy(self.directory / name, directory)
            database = sqlite3.connect(Path(directory) / "ledger.db")
            try:
                return [Row(*row) for row in database.execute("SELECT kind, sentence FROM entries ORDER BY sequence")]
            finally:
                database.close()

    def written(self) -> list[Row]:
        """What was written since it began to halt."""
        return self.rows()[self.before:]

    def halted(self) -> bool:
        assert self.process is not None
        return os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOHANG) is not None

    def killed_when(self, due: Callable[[list[Row]], Any]) -> list[Row]:
        """It goes on from write to write and is killed behind the first after which this holds: what was written."""
        deadline = time.monotonic() + 90 * PATIENCE
        while True:
            while not self.halted():
                assert self.alive(), self.log()[-4000:]
                assert time.monotonic() < deadline, f"not killed after {self.rows()[-9:]}\n{self.account()}"
                time.sleep(0.01)
            if due(rows := self.written()):
                self.kill()
                return rows
            assert self.process is not None
            self.process.send_signal(signal.SIGCONT)

    def killed_at(self, n: int, number: int) -> None:
        """By the write that makes the n-th of so many `LAST` records durable; at the end where there is none."""
        done: list[tuple[str, str]] = []

        def due(rows: list[Row]) -> bool:
            nonlocal done
            assert rows[-1].kind in LAST, f"a write ends with {rows[-1]}"
            done = list(dict.fromkeys(row.news for row in rows if row.kind in LAST))
            return len(done) >= n or rows[-1].kind == "runFinished"

        last = self.killed_when(due)[-1]
        if last.kind == "runFinished":
            assert len(done) == number, f"{len(done)} records, not {number}: {done}"
        assert n < number or last.kind == "runFinished", f"there are more than {number} records: {done}"

    def lives(self) -> int:
        """One after the other, each until it writes something that none before it wrote, to the end of the run; how many."""
        known = set() if self.alive() else {row.news for row in self.written()}
        number = 0
        while not any(kind == "runFinished" for kind, _ in known):
            if not self.alive():
                self.start(wait=False)
            known.update(row.news for row in self.killed_when(lambda rows: {row.news for row in rows} - known))
            number += 1
        return number


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("halt_at_sync", tmp_path_factory.mktemp("shim"))


@pytest.fixture
def mortal(world: World, tmp_path: Path, library: Path) -> Iterator[Mortal]:
    world.control.configure(**SWIFT)
    daemon = Mortal(world, tmp_path, library)
    yield daemon
    daemon.kill_at_end()
    daemon.look_for_secrets()


def break_primary(world: World, daemon: Daemon) -> None:
    """One thing after the other, so that what is seen and written first is the same in every run."""
    world.control.targets(world.primary.target_group, "unhealthy")
    daemon.until("the targets are seen", lambda workload: "target health: 0 healthy" in str(workload["assessment"]), 10)
    world.primary.alb.mode = "refused"


def assert_asked_once(world: World, *regions: str) -> None:
    """One PromoteReadReplica in each of these regions, and no other."""
    asked = [(call["region"], call["status"]) for call in world.changes("PromoteReadReplica")]
    assert asked == [(region, 200) for region in regions]


def give(orders: Sequence[Sequence[str]], mortal: Mortal, until: Callable[[], Any]) -> None:
    """While an operator gives the orders, not all of which may be answered."""
    with ThreadPoolExecutor(1) as operator:
        for words in orders:
            operator.submit(mortal.ctl, *words)
        until()


def test_a_life_for_each_write_of_a_failback(world: World, mortal: Mortal) -> None:
    """As of a failover, from the first order on."""
    secret = world.secret(world.primary)
    mortal.live().armed()
    break_primary(world, mortal)
    mortal.until_phase("dr-active")
    world.mend_primary()
    for words in HOME:
        mortal.kill()
        mortal.live().halting()
        give([words], mortal, lambda: mortal.killed_when(len))
    assert mortal.lives() > FAILBACK // 2
    mortal.live()
    assert mortal.status()["phase"] == "healthy"
    assert_home(world, secret)
    assert_asked_once(world, DR, PRIMARY)


def test_a_life_for_each_write_of_a_failover(world: World, mortal: Mortal) -> None:
    """Each life ends by its first write that says what no life before it wrote. A repetition does not end it: the intent comes
    before each act, and the gate's word dies with its process, so those who died of these again would never act."""
    secret = world.secret(world.dr)
    mortal.live().armed().halting()
    break_primary(world, mortal)
    assert mortal.lives() > FAILOVER // 2
    mortal.live()
    assert mortal.status()["phase"] == "dr-active"
    assert_failed_over(world, secret)
    assert_asked_once(world, DR)


@pytest.mark.parametrize("n", range(1, FAILBACK + 1))
def test_a_kill_after_write_n_of_a_failover_and_after_write_n_of_its_failback(
    world: World, mortal: Mortal, n: int
) -> None:
    """F76-F81: what was written is durable, and nothing that follows from it was done."""
    secret, secret_at_home = world.secret(world.dr), world.secret(world.primary)
    mortal.live().armed()
    if n <= FAILOVER:
        mortal.halting()
    break_primary(world, mortal)
    if n <= FAILOVER:
        mortal.killed_at(n, FAILOVER)
        mortal.live()
    mortal.until_phase("dr-active", 90)
    assert_failed_over(world, secret)
    assert_asked_once(world, DR)

    world.mend_primary()
    mortal.halting()
    give(HOME, mortal, lambda: mortal.killed_at(n, FAILBACK))
    mortal.live()
    if mortal.status()["phase"] == "dr-active":
        mortal.order("failback", "--confirm", WORKLOAD)
    mortal.until_phase("healthy", 120)
    assert_home(world, secret_at_home)
    assert_asked_once(world, DR, PRIMARY)
