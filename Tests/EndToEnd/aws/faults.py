"""Faults per region, service and action: which call meets which, and what each does to it.

A rule is a JSON object. It matches by `region`, `service`, `action` (glob patterns, default `*`), `mutating` (true,
false or absent) and `params` (a text that must occur in the call's parameters). It strikes after `skip` matches, at
most `count` times, with `probability`, and for `duration` seconds after it was laid. `kind` is one of:

  before moto sees the call (nothing is applied)
    throttle         the service's own words for "too fast"
    error            `status`, `code`, `message`
    denied           AccessDenied as this service words it
    expired-token    ExpiredToken
    reset            RST instead of an answer
    close            a clean FIN instead of an answer
    black-hole       no answer, ever
    html             `status` (default 200) with a captive portal's page
    garbage          200 with bytes that are nothing
    huge             200 with `bytes` (default 100 MB) of a body that never makes sense
    hold             waits until the rule is lifted; dropped if the client has gone away meanwhile
    region-down      same as black-hole, and the region's database stops feeding its replicas
    late             RST instead of the answer, and moto carries it out `seconds` later
  after moto has carried it out
    lost-answer      RST instead of the answer
    error-after      `status` `code` instead of the answer
    hold-answer      the answer waits until the rule is lifted
    truncate         the first `bytes` (default half) of the body, then the connection breaks
    replace          `from` becomes `to` in the body
  around it
    latency          `seconds` before moto sees it
    skew             the Date header is off by `seconds`
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .wire import Call

BEFORE = frozenset({
    "throttle", "error", "denied", "expired-token", "reset", "close", "black-hole", "html", "garbage", "huge", "hold",
    "region-down", "late",
})
AFTER = frozenset({"lost-answer", "error-after", "hold-answer", "truncate", "replace"})
AROUND = frozenset({"latency", "skew"})


@dataclass
class Rule:
    """One fault that was asked for."""

    id: int
    kind: str
    region: str = "*"
    service: str = "*"
    action: str = "*"
    mutating: bool | None = None
    params: str = ""
    skip: int = 0
    count: int | None = None
    probability: float = 1.0
    duration: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    matched: int = 0
    struck: int = 0
    laid: float = field(default_factory=time.monotonic)
    #: Set when the rule is lifted: whoever waits for it goes on.
    lifted: threading.Event = field(default_factory=threading.Event)

    def matches(self, call: Call) -> bool:
        return (
            fnmatch.fnmatchcase(call.region, self.region)
            and fnmatch.fnmatchcase(call.service, self.service)
            and fnmatch.fnmatchcase(call.action, self.action)
            and (self.mutating is None or call.mutating == self.mutating)
            and (not self.params or self.params in json.dumps(call.params))
        )

    def over(self) -> bool:
        """Its time is up."""
        return self.duration is not None and time.monotonic() - self.laid > self.duration

    def spent(self) -> bool:
        if self.over():
            return True
        return self.count is not None and self.struck >= self.count

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id, "kind": self.kind, "region": self.region, "service": self.service, "action": self.action,
            "matched": self.matched, "struck": self.struck, "spent": self.spent(), **self.options,
        }


class Faults:
    """The rules in force. Thread-safe; chance comes from a seed so that a run can be repeated."""

    FIELDS = {"region", "service", "action", "mutating", "params", "skip", "count", "probability", "duration"}

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._rules: dict[int, Rule] = {}
        self._dice = random.Random(seed)

    def add(self, wish: dict[str, Any]) -> Rule:
        kind = wish.get("kind")
        if kind not in BEFORE | AFTER | AROUND:
            raise ValueError(f"unknown kind of fault: {kind}")
        fields = {name: value for name, value in wish.items() if name in self.FIELDS}
        options = {name: value for name, value in wish.items() if name not in self.FIELDS and name != "kind"}
        with self._lock:
            rule = Rule(id=next(self._ids), kind=kind, options=options, **fields)
            self._rules[rule.id] = rule
            return rule

    def lift(self, number: int | None = None) -> None:
        """Takes one rule away, or all; whatever waits for it goes on."""
        with self._lock:
            numbers = list(self._rules) if number is None else [number]
            for rule in [self._rules.pop(n) for n in numbers if n in self._rules]:
                rule.lifted.set()

    def strike(self, call: Call) -> list[Rule]:
        """The rules that this call meets, oldest first; each is counted."""
        struck = []
        with self._lock:
            for rule in self._rules.values():
                if rule.spent() or not rule.matches(call):
                    continue
                rule.matched += 1
                if rule.matched <= rule.skip or self._dice.random() >= rule.probability:
                    continue
                rule.struck += 1
                struck.append(rule)
        return struck

    def describe(self) -> list[dict[str, Any]]:
        with self._lock:
            return [rule.describe() for rule in self._rules.values()]
