"""The program that compares two databases before the way home is final, with real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import Comparison, Pair
from postgres import Server


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair[Server]]:
    databases = Pair(Server)
    databases.source.ask('CREATE TABLE orders (id int); CREATE TABLE "Odd name" (id int); INSERT INTO orders SELECT generate_series(1, 100)')
    yield databases
    databases.close()


@pytest.fixture
def compare(pair: Pair[Server], tmp_path: Path) -> Comparison:
    service = tmp_path / "pg_service.conf"
    service.write_text("[pilotlight]\nuser=app\ndbname=postgres\nsslmode=disable\n")
    return Comparison("compare-postgres", pair.source.port, pair.replica.port, {"PGSERVICEFILE": str(service)})


@pytest.mark.parametrize("run", ["failback", "switchover"])
def test_a_replica_that_has_replayed_everything_is_the_same(pair: Pair[Server], compare: Comparison, run: str) -> None:
    pair.source.ask("INSERT INTO orders VALUES (0)")
    for tables, number in [((), 2), (("public.orders",), 1)]:
        done = compare(*tables, run=run)
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith(f"{number} tables have the same number of rows, WAL replayed to 0/")


def test_what_was_not_replayed_is_waited_for(pair: Pair[Server], compare: Comparison) -> None:
    pair.replica.ask("SELECT pg_wal_replay_pause()")
    pair.source.ask("INSERT INTO orders VALUES (0)")
    compare.waits_for(lambda: pair.replica.ask("SELECT pg_wal_replay_resume()"))


def test_rows_that_differ_are_told_by_table(pair: Pair[Server], compare: Comparison) -> None:
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


def test_a_database_that_cannot_be_asked_is_said(compare: Comparison) -> None:
    done = compare(source=1)
    assert done.returncode == 1
    assert "Connection refused" in done.stdout and "cannot ask 127.0.0.1" in done.stdout


def test_it_is_no_step_of_a_failover(compare: Comparison) -> None:
    assert compare(run="failover").returncode == 2
