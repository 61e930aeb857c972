"""The stand-in's own interface under `/_pilotlight/`: JSON in, JSON out, never signed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from moto.autoscaling.models import autoscaling_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.rds.models import rds_backends

from . import mend_aurora, mend_autoscaling, routing_controls, state
from .wire import Reply

if TYPE_CHECKING:
    from .server import Cloud


def handle(cloud: Cloud, method: str, target: str, body: bytes) -> Reply:
    parts = urlsplit(target)
    words = parts.path.removeprefix("/_pilotlight/").strip("/").split("/")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    try:
        wish = json.loads(body or b"{}")
        with cloud.lock:
            state.current().advance()
            answer = _route(cloud, method, words, query, wish)
    except (KeyError, ValueError, TypeError, AttributeError) as mistake:
        return _json(400, {"error": f"{type(mistake).__name__}: {mistake}"})
    return _json(200, answer)


def _json(status: int, value: Any) -> Reply:
    return status, [("Content-Type", "application/json")], json.dumps(value).encode()


def _route(cloud: Cloud, method: str, words: list[str], query: dict[str, str], wish: dict[str, Any]) -> Any:
    now = state.current()
    match method, words:
        case "GET", ["state"]:
            return {**now.describe(), "faults": cloud.faults.describe()}
        case "POST", ["reset"]:
            cloud.reset(int(wish.get("seed", 0)))
            state.current().settings.update(wish.get("settings", {}))
            return {}
        case "POST", ["settings"]:
            now.settings.update(wish)
            return now.describe()["settings"]
        case "POST", ["faults"]:
            rule = cloud.faults.add(wish)
            if rule.kind == "region-down":
                now.dead_regions.setdefault(rule.region, time.time())
            return rule.describe()
        case "GET", ["faults"]:
            return cloud.faults.describe()
        case "DELETE", ["faults"]:
            cloud.faults.lift()
            return {}
        case "DELETE", ["faults", number]:
            cloud.faults.lift(int(number))
            return {}
        case "GET", ["calls"]:
            mutating = {"1": True, "0": False}.get(query.get("mutating", ""))
            return cloud.calls.since(int(query.get("since", 0)), mutating, query.get("action"))
        case "POST", ["regions"]:
            return _region(now, wish)
        case "GET", ["zones"]:
            return now.zones
        case "POST", ["lag"]:
            return _lag(now, wish)
        case "POST", ["targets"]:
            return _targets(now, wish)
        case "POST", ["launch-failure"]:
            return _launch_failure(now, wish)
        case "POST", ["instance"]:
            instance = rds_backends[DEFAULT_ACCOUNT_ID][wish["region"]].databases[wish["id"]]
            instance.status = wish["status"]
            return {}
        case "POST", ["cluster"]:
            mend_aurora.change(wish.pop("region"), wish.pop("id"), wish)
            return {}
        case "POST", ["simulate"]:
            now.denied = set(wish["denied"])
            return {}
        case "GET", ["routing-controls"]:
            return routing_controls.describe()
        case "POST", ["routing-controls"]:
            return routing_controls.change(wish)
        case "POST", ["safety-rules"]:
            return routing_controls.set_rules(wish["rules"])
        case _:
            raise KeyError(f"{method} {'/'.join(words)}")


def _region(now: state.State, wish: dict[str, Any]) -> Any:
    """A region whose databases no longer feed their replicas; its API is not touched."""
    if wish.get("dead", True):
        now.dead_regions.setdefault(wish["region"], time.time() - float(wish.get("since", 0)))
    else:
        now.region_is_back(wish["region"])
    return sorted(now.dead_regions)


def _lag(now: state.State, wish: dict[str, Any]) -> Any:
    mode = wish["mode"]
    if mode == "minus-one":
        wish = {**wish, "mode": "constant", "seconds": -1}
    elif mode not in ("auto", "constant", "absent", "stale", "list"):
        raise ValueError(f"unknown mode of lag: {mode}")
    now.lag[wish["region"], wish["id"]] = wish
    return wish


def _targets(now: state.State, wish: dict[str, Any]) -> Any:
    if wish["mode"] not in ("auto", "healthy", "unhealthy", "initial", "follow"):
        raise ValueError(f"unknown mode of target health: {wish['mode']}")
    if wish["mode"] == "follow":
        mend_autoscaling.followers.follow(wish["url"])
    now.targets[wish["arn"]] = wish
    return wish


def _launch_failure(now: state.State, wish: dict[str, Any]) -> Any:
    """`message` null lifts it; `limit` instances still start; a failure shows `delay` seconds after the attempt."""
    key = (wish["region"], wish["group"])
    if wish.get("message"):
        now.launch_failures[key] = wish
    else:
        now.launch_failures.pop(key, None)
        mend_autoscaling.reconcile(autoscaling_backends[DEFAULT_ACCOUNT_ID][key[0]].autoscaling_groups[key[1]])
    return {}
