"""What Route 53's own name servers know: the record sets and the switches of health checks, as of the last change that is in sync."""

from __future__ import annotations

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.route53.models import route53_backends

from . import state


def changed() -> None:
    """To be called after every change: the name servers learn of it when it is in sync, `settings.route53` seconds later."""
    now = state.current()
    fresh = _snapshot()
    now.after(now.settings.route53, lambda: now.zones.update(fresh))


def _snapshot() -> dict[str, list[dict[str, Any]]]:
    backend = route53_backends[DEFAULT_ACCOUNT_ID]["aws"]
    return {
        zone.name.rstrip("."): [_describe(one, backend.health_checks.get(one.health_check_id)) for one in zone.rrsets]
        for zone in backend.zones.values()
    }


def _describe(record_set: Any, check: Any) -> dict[str, Any]:
    alias = record_set.alias_target
    return {
        "name": record_set.name.rstrip(".").lower(),
        "type": record_set.type,
        "ttl": int(record_set.ttl or 60),
        "values": list(record_set.records or []),
        "alias": alias["DNSName"].rstrip(".").lower() if alias else None,
        "setIdentifier": record_set.set_identifier,
        "weight": None if record_set.weight is None else int(record_set.weight),
        "failover": record_set.failover,
        "healthCheck": record_set.health_check_id,
        "disabled": check is not None and check.disabled,
        "inverted": check is not None and check.inverted,
    }
