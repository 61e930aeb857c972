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

from aurora import BOTH_KINDS, FAIL_OVER, SWITCH_OVER, AuroraWorld
from checks import assert_failed_over, assert_home
from daemon import PATIENCE, Daemon
from settings import WORKLOAD
from world import DR, PRIMARY, World

#: The kinds of record that a write of an undisturbed run can end with; every other kind is always followed in the same write.
LAST = {"degraded", "ordered", "stepStarted", "acting", "accepted", "runFinished"}
#: The end of what goes on beside another step; it may have a write of its own.
BESIDE = {("stepDone", "await-old-primary"), ("stepDone", "release-dr-writes")}


class Cycle(NamedTuple):
    """A failover and its failback."""

    #: How many such records they make. They come in one order, and which of them share a write may vary.
    failover: int
    failback: int
    #: Region and action of the promotion away, and of the one home.
    away: tuple[str, str]
    home: tuple[str, str]


CYCLES = {
    World: Cycle(24, 61, (DR, "PromoteReadReplica"), (PRIMARY, "PromoteReadReplica")),
    AuroraWorld: Cycle(25, 33, (DR, FAIL_OVER), (DR, SWITCH_OVER)),
}

#: Shorter than the daemon's own pauses, so that it never waits for the cloud; longer than a restart's first look takes.
SWIFT = {
    "promote_accept": 0, "promote_modifying": 0.4, "promote_rebooting": 0, "create_replica": 0.4, "launch": 0.2,
    "global_accept": 0, "failing_over": 0.4, "switching_over": 0.4, "resync": 0.2,
}

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

    def armed(self) -> Self:
        """And what is written in quiet times, of an instance alone, is written."""
        super().armed()
        if not self.world.global_database:
            self.wait_until("the backups are seen", lambda: any(row.kind == "backupsSeen" for row in self.rows()), 15)
        return self

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
            assert rows[-1].kind in LAST or rows[-1].news in BESIDE, f"a write ends with {rows[-1]}"
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


@pytest.fixture
def cycle(world: World) -> Cycle:
    return CYCLES[type(world)]


@pytest.fixture
def mortal(world: World, tmp_path: Path, shim: Callable[[str], Path]) -> Iterator[Mortal]:
    world.control.configure(**SWIFT)
    with Mortal(world, tmp_path, shim("halt_at_sync")) as daemon:
        yield daemon


def break_primary(world: World, daemon: Daemon) -> None:
    """One thing after the other, so that what is seen and written first is the same in every run."""
    world.control.targets(world.primary.target_group, "unhealthy")
    daemon.until("the targets are seen", lambda workload: "target health: 0 healthy" in str(workload["assessment"]), 10)
    world.primary.alb.mode = "refused"


def assert_asked_once(world: World, *promotions: tuple[str, str]) -> None:
    """Each of these once, and for no other."""
    asked = [call for call in world.changes() if call["action"] in world.promotes]
    assert [(call["region"], call["action"]) for call in asked] == list(promotions)
    assert {call["status"] for call in asked} == {200}


def give(orders: Sequence[Sequence[str]], mortal: Mortal, until: Callable[[], Any]) -> None:
    """While an operator gives the orders, not all of which may be answered."""
    with ThreadPoolExecutor(1) as operator:
        for words in orders:
            operator.submit(mortal.ctl, *words)
        until()


@BOTH_KINDS
@pytest.mark.slow
def test_a_life_for_each_write_of_a_failback(world: World, mortal: Mortal, cycle: Cycle) -> None:
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
    assert mortal.lives() > cycle.failback // 2
    mortal.live()
    assert mortal.status()["phase"] == "healthy"
    assert_home(world, secret)
    assert_asked_once(world, cycle.away, cycle.home)


@BOTH_KINDS
@pytest.mark.slow
def test_a_life_for_each_write_of_a_failover(world: World, mortal: Mortal, cycle: Cycle) -> None:
    """Each life ends by its first write that says what no life before it wrote. A repetition does not end it: the intent comes
    before each act, and the gate's word dies with its process, so those who died of these again would never act."""
    secret = world.secret(world.dr)
    mortal.live().armed().halting()
    break_primary(world, mortal)
    assert mortal.lives() > cycle.failover // 2
    mortal.live()
    assert mortal.status()["phase"] == "dr-active"
    assert_failed_over(world, secret)
    assert_asked_once(world, cycle.away)


@pytest.mark.parametrize(("world", "n"), [
    pytest.param(kind, n, id=f"{kind.__name__}-{n}") for kind, cycle in CYCLES.items() for n in range(1, cycle.failback + 1)
], indirect=["world"])
def test_a_kill_after_write_n_of_a_failover_and_after_write_n_of_its_failback(
    world: World, mortal: Mortal, cycle: Cycle, n: int
) -> None:
    """F76-F81: what was written is durable, and nothing that follows from it was done."""
    secret, secret_at_home = world.secret(world.dr), world.secret(world.primary)
    mortal.live().armed()
    if n <= cycle.failover:
        mortal.halting()
    break_primary(world, mortal)
    if n <= cycle.failover:
        mortal.killed_at(n, cycle.failover)
        mortal.live()
    mortal.until_phase("dr-active", 90)
    assert_failed_over(world, secret)
    assert_asked_once(world, cycle.away)

    world.mend_primary()
    mortal.halting()
    give(HOME, mortal, lambda: mortal.killed_at(n, cycle.failback))
    mortal.live()
    if mortal.status()["phase"] == "dr-active":
        mortal.order("failback", "--confirm", WORKLOAD)
    mortal.until_phase("healthy", 120)
    assert_home(world, secret_at_home)
    assert_asked_once(world, cycle.away, cycle.home)
