"""The program that compares two databases before the way home is final: with real ones of MariaDB, and with what MySQL's answer."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from databases import Comparison, Pair
from mariadb import NAME, PASSWORD, Server


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair[Server]]:
    databases = Pair(Server)
    databases.source.ask("""CREATE SCHEMA shop; CREATE TABLE shop.orders (id int); CREATE TABLE shop.`odd ``name'` (id int);
        CREATE VIEW shop.seen AS SELECT * FROM shop.orders; INSERT INTO shop.orders SELECT seq FROM shop.seq_1_to_100""")
    yield databases
    databases.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "mysql.cnf"
    file.write_text(f"[client]\nuser={NAME}\npassword={PASSWORD}\n")
    return file


@pytest.fixture
def compare(pair: Pair[Server], file: Path) -> Comparison:
    return Comparison("compare-mysql", pair.source.port, pair.replica.port, {"PILOTLIGHT_MYSQL_CNF": str(file)})


@pytest.mark.parametrize("run", ["failback", "switchover"])
def test_a_replica_that_has_executed_everything_is_the_same(pair: Pair[Server], compare: Comparison, run: str) -> None:
    pair.source.ask("INSERT INTO shop.orders VALUES (0)")
    for tables, number in [((), 2), (("shop.orders",), 1), (("shop.odd `name'", "shop.orders", r"shop.nothing\'"), 2)]:
        done = compare(*tables, run=run)
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith(f"{number} tables have the same number of rows, executed to 0-{pair.source.port}-")


def test_what_was_not_executed_is_waited_for(pair: Pair[Server], compare: Comparison) -> None:
    pair.replica.ask("STOP SLAVE SQL_THREAD")
    pair.source.ask("INSERT INTO shop.orders VALUES (0)")
    compare.waits_for(lambda: pair.replica.ask("START SLAVE SQL_THREAD"))


@pytest.mark.slow
def test_a_replica_that_executes_no_more_is_not_waited_for_longer(pair: Pair[Server], compare: Comparison) -> None:
    pair.replica.ask("STOP SLAVE SQL_THREAD")
    pair.source.ask("INSERT INTO shop.orders VALUES (0)")
    began = time.monotonic()
    done = compare()
    pair.replica.ask("START SLAVE SQL_THREAD")
    assert done.returncode == 1 and 60 <= time.monotonic() - began < 90
    told = done.stdout.splitlines()
    assert told[0] == f"the replica has not executed to {pair.source.ask('SELECT @@GLOBAL.gtid_binlog_pos')} in 60 s"
    assert told[1:] == ["Slave_IO_Running: Yes", "Slave_SQL_Running: No"]


def test_rows_that_differ_are_told_by_table(pair: Pair[Server], compare: Comparison) -> None:
    """Another database, not so far as the replica has executed: only its rows tell."""
    other = pair.another()
    other.ask("""SET sql_log_bin = 0; CREATE SCHEMA shop; CREATE TABLE shop.orders (id int); CREATE TABLE shop.missing (id int);
        SET sql_log_bin = 1; INSERT INTO shop.orders VALUES (1), (2)""")
    assert compare().returncode == 0
    rows = pair.replica.ask("SELECT COUNT(*) FROM shop.orders")
    done = compare(source=other.port)
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[0].startswith("rows differ") and told[1:] == [
        "< shop.missing 0", "< shop.orders 2", "> shop.odd `name' 0", f"> shop.orders {rows}"], told
    done = compare("shop.nothing")
    assert done.returncode == 1 and "no table to compare" in done.stdout


@pytest.mark.parametrize("binary_log", [False, True])
def test_a_source_without_a_binary_log_proves_nothing(pair: Pair[Server], compare: Comparison, binary_log: bool) -> None:
    """Or with one that has nothing."""
    done = compare(source=pair.another(binary_log=binary_log).port)
    assert done.returncode == 1
    assert done.stdout == "the source writes no binary log: nothing proves that the replica has everything\n"


def test_a_database_that_cannot_be_asked_is_said(compare: Comparison, file: Path) -> None:
    done = compare(source=1)
    assert done.returncode == 1
    assert "Can't connect" in done.stdout and "cannot ask 127.0.0.1" in done.stdout
    file.write_text(f"[client]\nuser={NAME}\npassword=another\n")
    done = compare()
    assert done.returncode == 1
    assert "Access denied" in done.stdout and "cannot ask 127.0.0.1" in done.stdout


def test_it_is_no_step_of_a_failover(compare: Comparison) -> None:
    assert compare(run="failover").returncode == 2


@dataclass
class MySQL:
    """How one of its versions is asked, and what it answers."""

    version: str
    written: str
    answer: str
    wait: str
    words: str
    to: str
    gtids: bool = False

    @property
    def status(self) -> str:
        return "SHOW REPLICA STATUS" if self.version >= "8.4" else "SHOW SLAVE STATUS"

    def server(self, log: str) -> str:
        return f"{self.version}\n" + "gtid_mode\tON\n" * self.gtids + f"log_bin\t{log}"


def with_gtids(version: str) -> MySQL:
    gtids = "3e11fa47:1-5,5c0f7d11:1-77"
    return MySQL(
        version, "SELECT REPLACE(@@GLOBAL.gtid_executed, CHAR(10), '')", gtids,
        "WAIT_FOR_EXECUTED_GTID_SET", f"'{gtids}'", gtids, gtids=True)


def with_places(version: str, written: str, wait: str) -> MySQL:
    return MySQL(
        version, written, "mysql-bin-changelog.000007\t1234\t\t\t3e11fa47:1-5,\n5c0f7d11:1-77", wait,
        "'mysql-bin-changelog.000007', 1234", "mysql-bin-changelog.000007 1234")


GTIDS = [with_gtids("8.0.40"), with_gtids("8.4.3")]
PLACES = [
    with_places("5.7.44-log", "SHOW MASTER STATUS", "MASTER_POS_WAIT"), with_places("8.0.40", "SHOW MASTER STATUS", "MASTER_POS_WAIT"),
    with_places("8.4.3", "SHOW BINARY LOG STATUS", "SOURCE_POS_WAIT")]
NOT_IN_TIME, NOT_RUNNING = "the replica has not executed to", "replication does not run in the replica"
LIST, COUNT = "FROM information_schema.tables", "SELECT CONCAT('shop.orders', ' ', COUNT(*)) FROM `shop`.`orders`;"
STATUS = "Replica_SQL_Running: No\n          Last_SQL_Error: duplicate entry\n           Last_IO_Error: \n  Seconds_Behind_Source: NULL"

Asked = tuple[subprocess.CompletedProcess[str], list[tuple[str, str]]]
Ask = Callable[..., Asked]


@pytest.fixture
def ask(tmp_path: Path, file: Path) -> Ask:
    (tmp_path / "mysql").symlink_to(Path(__file__).with_name("mysql_stand_in.py"))
    program = Comparison("compare-mysql", 1, 2, {"PATH": f"{tmp_path}:/usr/bin:/bin", "PILOTLIGHT_MYSQL_CNF": str(file)})

    def run(mysql: MySQL, waited: int | None, log: str = "ON", rows: int = 7) -> Asked:
        counted = {LIST: COUNT, COUNT: f"shop.orders {rows}"}
        source = {"SELECT VERSION()": mysql.server(log), "SELECT '';": "", f"{mysql.written};": mysql.answer, **counted}
        replica = {mysql.wait: waited, f"{mysql.status}\\G": STATUS, LIST: COUNT, COUNT: "shop.orders 7"}
        (tmp_path / "answers.json").write_text(json.dumps({"1": source, "2": replica}))
        done, asked = program(), []
        for line in (tmp_path / "asked").read_text().splitlines():
            port, words, statements = json.loads(line)
            assert words[:4] == [f"--defaults-file={file}", "--host=127.0.0.1", f"--port={port}", "--connect-timeout=10"]
            assert PASSWORD not in line
            first, asking = statements.splitlines()[:2]
            assert first == "SET sql_mode = '';"
            asked.append(("source" if port == "1" else "replica", asking))
        return done, asked

    return run


@pytest.mark.parametrize("mysql, waited", [(mysql, 0) for mysql in GTIDS + PLACES] + [(mysql, 12) for mysql in PLACES])
def test_mysql_is_asked_as_its_version_wants_it(ask: Ask, mysql: MySQL, waited: int) -> None:
    done, asked = ask(mysql, waited)
    assert done.returncode == 0, done.stdout
    assert done.stdout == f"1 tables have the same number of rows, executed to {mysql.to}\n"
    before, counts = asked[:3], asked[3:]
    sign = "-" if mysql.gtids else ""
    assert before == [
        ("source", "SELECT VERSION();"), ("source", f"{mysql.written};"),
        ("replica", f"SELECT {sign}{mysql.wait}({mysql.words}, 60) >= 0;")]
    assert [whom for whom, _ in counts] == ["source", "source", "replica", "replica"]
    assert [asking for _, asking in counts][1::2] == [COUNT, COUNT]


@pytest.mark.parametrize("mysql, waited, why", [
    *((mysql, waited, why) for mysql in GTIDS for waited, why in [(1, NOT_IN_TIME), (None, NOT_RUNNING)]),
    *((mysql, waited, why) for mysql in PLACES for waited, why in [(-1, NOT_IN_TIME), (None, NOT_RUNNING)])])
def test_a_replica_of_mysql_that_does_not_get_there_is_not_counted(ask: Ask, mysql: MySQL, waited: int | None, why: str) -> None:
    done, asked = ask(mysql, waited)
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[0].startswith(why) and mysql.to in told[0]
    assert told[1:] == ["Replica_SQL_Running: No", "Last_SQL_Error: duplicate entry"]
    assert asked[3:] == [("replica", f"{mysql.status}\\G")]


@pytest.mark.parametrize("mysql", GTIDS + PLACES)
def test_mysql_without_a_binary_log_proves_nothing(ask: Ask, mysql: MySQL) -> None:
    done, asked = ask(mysql, 0, log="OFF")
    assert done.returncode == 1 and "nothing proves that the replica has everything" in done.stdout
    assert {whom for whom, _ in asked} == {"source"}


@pytest.mark.parametrize("mysql", GTIDS + PLACES)
def test_rows_of_mysql_that_differ_are_told(ask: Ask, mysql: MySQL) -> None:
    done, _ = ask(mysql, 0, rows=8)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == ["< shop.orders 8", "> shop.orders 7"]
