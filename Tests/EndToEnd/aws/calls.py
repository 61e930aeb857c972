"""The log of calls: what was asked, where, and what became of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from .wire import Call


class CallLog:
    """Thread-safe; the newest 50,000 calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[dict[str, Any]] = deque(maxlen=50_000)
        self._count = 0

    def begin(self, call: Call) -> dict[str, Any]:
        with self._lock:
            self._count += 1
            entry = {
                "n": self._count,
                "at": time.time(),
                "region": call.region,
                "service": call.service,
                "agent": call.header("User-Agent") or "",
                "action": call.action,
                "mutating": call.mutating,
                "params": call.params,
                #: Whether moto was let to carry it out, and how it answered; None = it never got there.
                "status": None,
                #: Kind of the fault that met it.
                "fault": None,
            }
            self._calls.append(entry)
            return entry

    def since(self, n: int = 0, mutating: bool | None = None, action: str | None = None) -> list[dict[str, Any]]:
        with self._lock:
            return [
                dict(entry) for entry in self._calls
                if entry["n"] > n
                and (mutating is None or entry["mutating"] == mutating)
                and (action is None or entry["action"] == action)
            ]

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
