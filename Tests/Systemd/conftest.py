"""One package, installed once per machine; one stand-in for AWS; a service with a fresh state for every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from aws.client import Control
from aws.state import SECRET_KEY
from service import (
    ALICE, CONFIG, DROP_INS, EVE, KEYS, LEDGER, OBSTRUCT_IN, PACKAGE, SERVICE, SOCKET, Service, account, run, systemctl)
from world import CANARIES, World

for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


@pytest.fixture(scope="session")
def installed() -> str:
    """What dpkg said as it installed the package."""
    # The test is about the package, not about where its dependencies come from: a debug build needs the toolchain's Swift.
    done = run("dpkg", "--install", "--force-depends", "--force-unsafe-io", str(PACKAGE), check=True, seconds=300)
    run("useradd", "--uid=4321", "--groups=pilotlight", ALICE, check=True)
    run("useradd", "--uid=4322", EVE, check=True)
    OBSTRUCT_IN.mkdir()
    OBSTRUCT_IN.chmod(0o777)
    shutil.copy(os.environ["OBSTRUCT"], OBSTRUCT_IN)
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def aws_process() -> Iterator[Control]:
    with Control.started() as control:
        yield control


@pytest.fixture
def world(aws_process: Control) -> Iterator[World]:
    aws_process.lift()
    built = World(aws_process)
    yield built
    built.close()
    aws_process.lift()


@pytest.fixture
def service(installed: str, world: World) -> Iterator[Service]:
    """Configured and not yet started."""
    made = Service(world)
    made.configure()
    made.keys()
    made.surroundings()
    yield made
    made.clear()
    systemctl("stop", SOCKET, SERVICE)
    look_for_secrets()
    systemctl("reset-failed", check=False)
    shutil.rmtree(DROP_INS)
    systemctl("daemon-reload")
    for leftover in [CONFIG, KEYS, CONFIG.with_name("on-failure")]:
        leftover.unlink(missing_ok=True)
    shutil.rmtree(LEDGER.parent, ignore_errors=True)


def look_for_secrets() -> None:
    """F96: neither in the journal nor in what the daemon has left behind."""
    journal = run("journalctl", "--no-pager", "--output=export").stdout
    left = [file for file in LEDGER.parent.rglob("*") if file.is_file()]
    for secret in (*CANARIES, SECRET_KEY):
        assert secret not in journal, f"a secret stands in the journal\n{account()}"
        for file in left:
            assert secret.encode() not in file.read_bytes(), f"a secret stands in {file}"
