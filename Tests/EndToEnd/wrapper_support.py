"""What the tests of the stand-in share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from world import DR, REPLICA, World


def refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """What AWS answered that refused."""
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value.response


def code(call: Callable[[], Any]) -> str:
    """The error code with which AWS refused."""
    return refusal(call)["Error"]["Code"]


def until(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.02)
    return value


def promote(world: World) -> None:
    world.client("rds", DR).promote_read_replica(DBInstanceIdentifier=REPLICA)
