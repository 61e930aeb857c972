"""One stand-in for AWS per test process, one fresh world per test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aurora import AuroraWorld
from aws.client import Control
from daemon import BINARIES, Daemon, have_binaries
from shims import compiled
from world import World

for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker is handed a run of neighbours, and begins with its share of what takes long: nobody waits at the end for one that has
    just begun."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    items[:] = [
        item for worker in range(workers)
        for item in long[worker::workers] + rest[len(rest) * worker // workers : len(rest) * (worker + 1) // workers]]


@pytest.fixture(scope="session")
def aws_process() -> Iterator[Control]:
    with Control.started() as control:
        yield control


@pytest.fixture
def aws(aws_process: Control) -> Iterator[Control]:
    """The stand-in without a fault; what a test laid is lifted after it."""
    aws_process.lift()
    yield aws_process
    aws_process.lift()


@pytest.fixture
def world(request: pytest.FixtureRequest, aws: Control) -> Iterator[World]:
    """The reference deployment, fresh; of another kind where a test asks for it (`BOTH_KINDS`)."""
    built = getattr(request, "param", World)(aws)
    yield built
    built.close()


@pytest.fixture
def aurora(aws: Control) -> Iterator[AuroraWorld]:
    """As `world`, with a global database."""
    built = AuroraWorld(aws)
    yield built
    built.close()


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`shim("leap")` is what leap.c makes, to be preloaded."""
    directory = tmp_path_factory.mktemp("shim")
    return cache(lambda name: compiled(name, directory))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """`start(world, **{"detection.confirmFor": "3s"})` gives a running daemon that is armed."""
    running: list[Daemon] = []

    def started(world: World, arm: bool = True, **overrides: Any) -> Daemon:
        daemon = Daemon(world, tmp_path, overrides)
        running.append(daemon)
        daemon.start()
        return daemon.armed() if arm else daemon

    yield started
    for daemon in running:
        daemon.kill_at_end()
    for daemon in running:
        daemon.look_for_secrets()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without the programs only the stand-in itself can be tested; that is said, not hidden."""
    if have_binaries():
        return
    missing = pytest.mark.skip(reason=f"no pilotlightd and pilotlightctl in {BINARIES}")
    for item in items:
        if not item.nodeid.startswith(("test_wrapper", "test_checks", "test_names_server")):
            item.add_marker(missing)
