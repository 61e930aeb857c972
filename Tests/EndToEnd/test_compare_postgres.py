"""The program that compares two databases before the way home is final, with real ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres import Pair

PROGRAM = Path(__file__).parents[2] / "config/programs/compare-postgres"


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    databases = Pair()
    databases.source.ask('CREATE TABLE orders (id int); CREATE TABLE "Odd name" (id int); INSERT INTO orders SELECT generate_series(1, 100)')
    yield databases
    databases.close()


@pytest.fixture
def begin(pair: Pair, tmp_path: Path):
    service = tmp_path / "pg_service.conf"
    service.write_text("[pilotlight]\nuser=app\ndbname=postgres\nsslmode=disable\n")

    def begun(*tables: str, run: str = "failback", source: int | None = None) -> subprocess.Popen[str]:
        ends = [source or pair.source.port, pair.replica.port]
        primary, dr = ends if run == "switchover" else reversed(ends)
        environment = {
            "PATH": "/usr/bin:/bin", "PGSERVICEFILE": str(service), "PILOTLIGHT_RUN": run,
            "PILOTLIGHT_PRIMARY_DATABASE_HOST": "127.0.0.1", "PILOTLIGHT_PRIMARY_DATABASE_PORT": str(primary),
            "PILOTLIGHT_DR_DATABASE_HOST": "127.0.0.1", "PILOTLIGHT_DR_DATABASE_PORT": str(dr)}
        return subprocess.Popen([PROGRAM, *tables], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return begun


@pytest.fixture
def compare(begin):
    def run(*tables: str, **words: str | int) -> subprocess.CompletedProcess[str]:
        process = begin(*tables, **words)
        told, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, told)

    return run


@pytest.mark.parametrize("run", ["failback", "switchover"])
def test_a_replica_that_has_replayed_everything_is_the_same(pair: Pair, compare, run: str) -> None:
    pair.source.ask("INSERT INTO orders VALUES (0)")
    for tables, number in [((), 2), (("public.orders",), 1)]:
        done = compare(*tables, run=run)
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith(f"{number} tables have the same number of rows, WAL replayed to 0/")


def test_what_was_not_replayed_is_waited_for(pair: Pair, begin) -> None:
    pair.replica.ask("SELECT pg_wal_replay_pause()")
    pair.source.ask("INSERT INTO orders VALUES (0)")
    process = begin()
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=3)
    pair.replica.ask("SELECT pg_wal_replay_resume()")
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told


def test_rows_that_differ_are_told_by_table(pair: Pair, compare) -> None:
    """Another database, not so far as the replica has replayed: only its rows tell."""
    other = pair.another()
    other.ask("CREATE TABLE orders (id int); CREATE TABLE missing (id int); INSERT INTO orders VALUES (1), (2)")
    rows = pair.replica.ask("SELECT count(*) FROM orders")
    done = compare(source=other.port)
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[0].startswith("rows differ") and told[1:] == [
        "< public.missing 0", "< public.orders 2", '> public."Odd name" 0', f"> public.orders {rows}"], told
    done = compare("public.nothing")
    assert done.returncode == 1 and "no table to compare" in done.stdout


def test_a_database_that_cannot_be_asked_is_said(compare) -> None:
    done = compare(source=1)
    assert done.returncode == 1
    assert "Connection refused" in done.stdout and "cannot ask 127.0.0.1" in done.stdout


def test_it_is_no_step_of_a_failover(compare) -> None:
    assert compare(run="failover").returncode == 2
