"""The DNS around a `World`: a server of its zone that answers from Route 53's record sets, and a resolver that remembers.

    with Names.of(world, ttl=2) as names:
        names.resolver.stay(5)          # it goes on with what it remembers
        names.zone.fault = "silent"
        names.settings()                # {"resolvers": ["127.0.0.1:…"], "authoritative": ["127.0.0.1:…"]}

The zone is asked anew for every question, as the stand-in's name servers know it: a change shows when it is in sync. Load
balancers have addresses of the documentation's networks (RFC 5737), for nobody connects to what is looked up here.
"""

from __future__ import annotations

import random
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from dnslib import AAAA, CNAME, NS, QTYPE, RCODE, RR, SOA, A, DNSError, DNSRecord

from world import ZONE_NAME, World

#: TTL of a load balancer's addresses and of an alias, seconds.
BALANCER_TTL = 60
#: Addresses that a load balancer shows at a time.
SHOWN = 8
#: TTL of an absence (SOA minimum), seconds.
NEGATIVE_TTL = 5

#: What a server does instead of answering. `silent`: nothing. `servfail`, `refused`: says so. `garbage`: bytes that are no message.
FAULTS = ("silent", "servfail", "refused", "garbage")


@dataclass
class Found:
    """What is known of a name and type. `chain` are (name, TTL, target), `data` stand at its end."""

    chain: list[tuple[str, int, str]] = field(default_factory=list)
    owner: str = ""
    data: list[Any] = field(default_factory=list)
    ttl: int = NEGATIVE_TTL
    code: int = RCODE.NOERROR

    def followed_by(self, rest: Found) -> Found:
        return Found([*self.chain, *rest.chain], rest.owner, rest.data, rest.ttl, rest.code)

    @property
    def end(self) -> str:
        return self.chain[-1][2] if self.chain else self.owner


class Server:
    """UDP and TCP on one free port of `host`; what is answered, a subclass says."""

    authoritative = False

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        #: One of `FAULTS`, or nothing.
        self.fault: str | None = None
        #: An address (of A) or a name (of a CNAME) that is answered whatever is true.
        self.wrong: str | None = None
        #: Names and types that were asked for.
        self.asked: list[tuple[str, str]] = []
        self._frozen_until = 0.0
        self._servers: list[Any] = self._bound()
        self.port: int = self._servers[0].server_address[1]
        for one in self._servers:
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _bound(self) -> list[Any]:
        handlers = (_Stream, _Datagram)
        for _ in range(20):
            stream = _TCP((self.host, 0), handlers[0])
            stream.names = self
            try:
                datagram = _UDP((self.host, stream.server_address[1]), handlers[1])
            except OSError:
                stream.server_close()
                continue
            datagram.names = self
            return [stream, datagram]
        raise OSError("no port is free for UDP and TCP")

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def stop(self) -> None:
        for one in self._servers:
            one.shutdown()
            one.server_close()

    def stay(self, seconds: float) -> None:
        """For so long it answers what it knows now."""
        self._frozen_until = time.monotonic() + seconds

    @property
    def frozen_for(self) -> float:
        return max(self._frozen_until - time.monotonic(), 0)

    def find(self, name: str, kind: str) -> Found | None:
        """None when the name is none of its business."""
        raise NotImplementedError

    def answer(self, message: bytes) -> bytes | None:
        try:
            request = DNSRecord.parse(message)
        except DNSError:
            return None
        name, kind = str(request.q.qname).rstrip(".").lower(), QTYPE.get(request.q.qtype)
        self.asked.append((name, kind))
        reply = request.reply(ra=0 if self.authoritative else 1, aa=1 if self.authoritative else 0)
        if self.fault == "silent":
            return None
        if self.fault == "garbage":
            return message[:2] + bytes(range(256))
        if self.fault:
            reply.header.rcode = getattr(RCODE, self.fault.upper())
            return reply.pack()
        found = self.look(name, kind)
        if found is None:
            reply.header.rcode = RCODE.REFUSED
            return reply.pack()
        self._write(reply, found, kind)
        return reply.pack()

    def look(self, name: str, kind: str) -> Found | None:
        """What it says that it knows."""
        if self.wrong is None or kind not in ("A", "AAAA"):
            return self.find(name, kind)
        if self.wrong.replace(".", "").isdigit():
            return Found([], name, [self.wrong] if kind == "A" else [], BALANCER_TTL)
        return Found([(name, BALANCER_TTL, self.wrong)], self.wrong)

    @staticmethod
    def _write(reply: DNSRecord, found: Found, kind: str) -> None:
        for name, ttl, target in found.chain:
            reply.add_answer(RR(name, QTYPE.CNAME, ttl=ttl, rdata=CNAME(target)))
        make = {"A": A, "AAAA": AAAA, "NS": NS, "CNAME": CNAME}.get(kind)
        for value in found.data:
            if make:
                reply.add_answer(RR(found.owner, getattr(QTYPE, kind), ttl=found.ttl, rdata=make(value)))
        if not found.data:
            soa = SOA(f"ns1.{ZONE_NAME}", f"admin.{ZONE_NAME}", (1, 7200, 900, 1209600, NEGATIVE_TTL))
            # The rest of a chain is another zone's.
            reply.add_auth(RR("amazonaws.com" if found.chain else ZONE_NAME, QTYPE.SOA, ttl=found.ttl, rdata=soa))
        reply.header.rcode = found.code


class ZoneServer(Server):
    """A server of the zone: Route 53's record sets, by its rules for weights, failover and aliases."""

    authoritative = True

    def __init__(self, world: World, addresses: Callable[[str, str], list[str]], host: str = "127.0.0.1") -> None:
        self._world = world
        self._addresses = addresses
        #: Ids of health checks whose endpoint fails.
        self.unhealthy: set[str] = set()
        self._dice = random.Random(1)
        self._known: list[dict[str, Any]] = []
        super().__init__(host)

    def stay(self, seconds: float) -> None:
        self._record_sets()
        super().stay(seconds)

    def _record_sets(self) -> list[dict[str, Any]]:
        if not self.frozen_for:
            self._known = self._world.control.zones().get(ZONE_NAME, [])
        return self._known

    def find(self, name: str, kind: str) -> Found | None:
        if name != ZONE_NAME and not name.endswith("." + ZONE_NAME):
            return None
        if name == ZONE_NAME and kind == "NS":
            return Found([], name, [f"ns1.{ZONE_NAME}"], 172_800)
        if name == f"ns1.{ZONE_NAME}":
            return Found([], name, [self.host] if kind == "A" else [], 172_800)
        own = [one for one in self._record_sets() if one["name"] == name]
        sets = [one for one in own if one["type"] in (kind, "CNAME")]
        if not sets:
            return Found([], name, code=RCODE.NOERROR if own or name == ZONE_NAME else RCODE.NXDOMAIN)
        chosen = self._choose(sets)
        if chosen["alias"]:
            # An alias within the zone leads to what stands there; any other to a load balancer.
            inside = self.find(chosen["alias"], kind)
            data = inside.data if inside else self._addresses(chosen["alias"], kind)
            return Found([], name, data, BALANCER_TTL)
        if chosen["type"] == "CNAME" and kind != "CNAME":
            target = chosen["values"][0].rstrip(".").lower()
            return Found([(name, chosen["ttl"], target)], target)
        return Found([], name, chosen["values"], chosen["ttl"])

    def _choose(self, sets: list[dict[str, Any]]) -> dict[str, Any]:
        """Of the sets of one name (Route 53 developer guide, "How Route 53 chooses records when health checking is
        configured"); the health of an alias's target is not looked at."""
        healthy = [one for one in sets if self._is_healthy(one)] or sets
        if any(one["failover"] for one in sets):
            # Where none is healthy, the primary is answered.
            return min(healthy, key=lambda one: one["failover"] != "PRIMARY")
        heavy = [one for one in healthy if one["weight"]]
        if not heavy:
            return self._dice.choice(healthy)
        return self._dice.choices(heavy, [one["weight"] for one in heavy])[0]


    def _is_healthy(self, one: dict[str, Any]) -> bool:
        """A check that is disabled counts as healthy, and one that is inverted as the opposite (Route 53 API reference,
        UpdateHealthCheck)."""
        is_well = one["disabled"] or one["healthCheck"] not in self.unhealthy
        return is_well != one["inverted"]


class Resolver(Server):
    """A resolver that remembers; load balancers it knows by itself."""

    def __init__(
        self, zone: ZoneServer, addresses: Callable[[str, str], list[str]], ttl: int | None = None,
        host: str = "127.0.0.1"
    ) -> None:
        self._zone = zone
        self._addresses = addresses
        #: Seconds that everything is remembered, whatever its records say; None: as they say.
        self.ttl = ttl
        self._cache: dict[tuple[str, str], tuple[float, Found]] = {}
        self._lock = threading.Lock()
        super().__init__(host)

    def forget(self) -> None:
        with self._lock:
            self._cache.clear()

    def stay(self, seconds: float) -> None:
        """What it remembers now it goes on to answer, with a TTL that ends with `seconds`."""
        super().stay(seconds)
        with self._lock:
            self._cache = {key: (time.monotonic() + seconds, found) for key, (_, found) in self._cache.items()}

    def find(self, name: str, kind: str) -> Found:
        found = self._remembered(name, kind)
        if found.data or not found.chain:
            return found
        return found.followed_by(self._remembered(found.end, kind))

    def _remembered(self, name: str, kind: str) -> Found:
        with self._lock:
            until, found = self._cache.get((name, kind), (0.0, None))
        if found is None or until <= time.monotonic():
            found = self._fetch(name, kind)
            if found.code == RCODE.SERVFAIL:
                return found
            ttl = found.chain[0][1] if found.chain else found.ttl
            until = time.monotonic() + (ttl if self.ttl is None else self.ttl)
            with self._lock:
                self._cache[name, kind] = (until, found)
        rest = max(round(until - time.monotonic()), 0)
        chain = [(owner, rest, target) for owner, _, target in found.chain]
        return Found(chain, found.owner, found.data, rest, found.code)

    def _fetch(self, name: str, kind: str) -> Found:
        if name == ZONE_NAME or name.endswith("." + ZONE_NAME):
            found = None if self._zone.fault else self._zone.look(name, kind)
            return found or Found([], name, code=RCODE.SERVFAIL)
        family = self._addresses(name, kind) if kind in ("A", "AAAA") else []
        is_known = bool(family or self._addresses(name, "A") or self._addresses(name, "AAAA"))
        return Found([], name, family, BALANCER_TTL, RCODE.NOERROR if is_known else RCODE.NXDOMAIN)


class Names:
    """A server of the zone, and resolvers in front of it."""

    def __init__(self, world: World, ttl: int | None = None, resolvers: int = 1) -> None:
        #: Of load balancers, by their name in lower case; more than eight are shown in turns.
        self.addresses: dict[str, list[str]] = {
            world.primary.dns_name.lower(): ["192.0.2.1", "192.0.2.2"],
            world.dr.dns_name.lower(): ["198.51.100.1", "198.51.100.2"],
        }
        self.zone = ZoneServer(world, self.shown)
        self.resolvers = [Resolver(self.zone, self.shown, ttl) for _ in range(resolvers)]

    @classmethod
    def of(cls, world: World, ttl: int | None = None, resolvers: int = 1) -> Self:
        return cls(world, ttl, resolvers)

    @property
    def resolver(self) -> Resolver:
        return self.resolvers[0]

    def shown(self, name: str, kind: str) -> list[str]:
        known = self.addresses.get(name.removeprefix("dualstack."), [])
        family = [one for one in known if (":" in one) == (kind == "AAAA")]
        return random.sample(family, min(len(family), SHOWN))

    def settings(self) -> dict[str, list[str]]:
        return {"resolvers": [one.address for one in self.resolvers], "authoritative": [self.zone.address]}

    def stop(self) -> None:
        for one in [self.zone, *self.resolvers]:
            one.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _UDP(socketserver.ThreadingUDPServer):
    daemon_threads = True
    names: Server


class _TCP(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    names: Server


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        message, socket = self.request
        answer = self.server.names.answer(message)
        if answer is None:
            return
        if len(answer) > 512:
            answer = DNSRecord.parse(answer).truncate().pack()
        socket.sendto(answer, self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    timeout = 30

    def handle(self) -> None:
        while len(head := self.rfile.read(2)) == 2:
            answer = self.server.names.answer(self.rfile.read(int.from_bytes(head, "big")))
            if answer is None:
                time.sleep(30)
                return
            self.wfile.write(len(answer).to_bytes(2, "big") + answer)
