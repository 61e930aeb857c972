"""The name servers of the tests, asked as anybody asks a name server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from aws.client import Control
from names import Names, Server
from world import RECORD, ZONE_NAME, Site, World
from wrapper_support import until

HOME, AWAY = {"192.0.2.1", "192.0.2.2"}, {"198.51.100.1", "198.51.100.2"}


@pytest.fixture
def names(world: World) -> Iterator[Names]:
    world.control.configure(route53=0)
    with Names.of(world) as built:
        yield built


def ask(server: Server, name: str = RECORD, kind: str = "A", tcp: bool = False) -> DNSRecord:
    question = DNSRecord.question(name, kind)
    answer = DNSRecord.parse(question.send(server.host, server.port, tcp=tcp, timeout=2))
    assert answer.header.id == question.header.id
    return answer


def values(answer: DNSRecord, kind: str = "A") -> set[str]:
    return {str(one.rdata).rstrip(".").lower() for one in answer.rr if one.rtype == getattr(QTYPE, kind)}


def point(world: World, site: Site, **record_set: Any) -> None:
    fresh = {"Name": RECORD, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": site.dns_name}], **record_set}
    world.route53.change_resource_record_sets(
        HostedZoneId=world.zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": fresh}]})


def test_the_zone_answers_with_authority_and_stops_at_its_end(world: World, names: Names) -> None:
    answer = ask(names.zone)
    assert answer.header.aa and not answer.header.ra
    assert values(answer, "CNAME") == {world.primary.dns_name.lower()} and values(answer) == set()
    assert ask(names.zone, ZONE_NAME, "NS").rr
    assert ask(names.zone, f"nobody.{ZONE_NAME}").header.rcode == RCODE.NXDOMAIN
    assert ask(names.zone, "elsewhere.example.com").header.rcode == RCODE.REFUSED
    point(world, world.dr)
    assert values(ask(names.zone), "CNAME") == {world.dr.dns_name.lower()}


def test_the_resolver_follows_to_the_addresses_by_either_protocol(names: Names, world: World) -> None:
    for tcp in (False, True):
        answer = ask(names.resolver, tcp=tcp)
        assert answer.header.ra and not answer.header.aa
        assert (values(answer, "CNAME"), values(answer)) == ({world.primary.dns_name.lower()}, HOME)
    assert values(ask(names.resolver, kind="AAAA")) == set()
    assert ask(names.resolver, "nobody.example.com").header.rcode == RCODE.NXDOMAIN


def test_the_resolver_remembers_for_its_ttl(names: Names, world: World) -> None:
    names.resolver.ttl = 1
    assert values(ask(names.resolver)) == HOME
    point(world, world.dr)
    assert values(ask(names.resolver)) == HOME
    assert {one.ttl for one in ask(names.resolver).rr} <= {0, 1}
    until(lambda: values(ask(names.resolver)) == AWAY)


def test_without_a_ttl_of_its_own_it_believes_the_records(names: Names, world: World) -> None:
    ask(names.resolver)
    point(world, world.dr)
    assert values(ask(names.resolver)) == HOME and ask(names.resolver).rr[0].ttl in (59, 60)
    names.resolver.forget()
    assert values(ask(names.resolver)) == AWAY


def test_a_change_shows_when_it_is_in_sync_whatever_the_api_does(names: Names, world: World) -> None:
    world.control.configure(route53=1)
    point(world, world.dr)
    assert values(ask(names.zone), "CNAME") == {world.primary.dns_name.lower()}
    world.control.fault("error", service="route53", status=503)
    until(lambda: values(ask(names.zone), "CNAME") == {world.dr.dns_name.lower()})


@pytest.mark.parametrize("fault", ["servfail", "refused"])
def test_a_fault_is_told(names: Names, fault: str) -> None:
    for server in (names.zone, names.resolver):
        server.fault = fault
        assert ask(server).header.rcode == getattr(RCODE, fault.upper())
        server.fault = None
        assert ask(server).header.rcode == RCODE.NOERROR


def test_a_resolver_remembers_nothing_of_a_zone_that_fails(names: Names) -> None:
    names.zone.fault = "silent"
    assert ask(names.resolver).header.rcode == RCODE.SERVFAIL
    names.zone.fault = None
    assert values(ask(names.resolver)) == HOME


def test_a_silent_server_says_nothing(names: Names) -> None:
    names.resolver.fault = "silent"
    with pytest.raises(TimeoutError):
        DNSRecord.question(RECORD).send(names.resolver.host, names.resolver.port, timeout=0.2)
    assert names.resolver.asked == [(RECORD, "A")]


def test_a_server_stays_with_what_it_knew_for_a_while(names: Names, world: World) -> None:
    names.resolver.ttl = 0
    assert values(ask(names.resolver)) == HOME
    names.resolver.stay(1)
    names.zone.stay(1)
    point(world, world.dr)
    assert values(ask(names.zone), "CNAME") == {world.primary.dns_name.lower()}
    assert values(ask(names.resolver)) == HOME
    until(lambda: values(ask(names.resolver)) == AWAY)
    assert values(ask(names.zone), "CNAME") == {world.dr.dns_name.lower()}


def test_a_wrong_answer_is_whatever_was_laid(names: Names) -> None:
    names.resolver.wrong = "203.0.113.7"
    assert values(ask(names.resolver)) == {"203.0.113.7"}
    names.resolver.wrong = "sorry.example.net"
    assert values(ask(names.resolver), "CNAME") == {"sorry.example.net"}


def test_aliases_show_addresses_and_weights_lead_to_one_side(aws: Control) -> None:
    for traffic in ("alias", "weighted"):
        world = World(aws, traffic=traffic, route53=0)
        with Names.of(world) as names:
            assert values(ask(names.resolver)) == HOME
            if traffic == "alias":
                assert values(ask(names.zone)) == HOME and ask(names.zone).rr[0].ttl == 60
            for weight, site in ((0, world.primary), (100, world.dr)):
                one = {"SetIdentifier": "primary" if site is world.primary else "dr", "Weight": weight}
                if traffic == "weighted":
                    point(world, site, **one)
            if traffic == "weighted":
                assert {frozenset(values(ask(names.zone), "CNAME")) for _ in range(20)} == {
                    frozenset({world.dr.dns_name.lower()})}
        world.close()


def test_a_pair_for_failover_follows_its_health_check(aws: Control) -> None:
    world = World(aws, traffic="failover", route53=0)
    with Names.of(world) as names:
        names.resolver.ttl = 0

        def leads(is_well: bool, disabled: bool, inverted: bool) -> set[str]:
            names.zone.unhealthy = set() if is_well else {world.check}
            world.set_switches(disabled, inverted)
            return values(ask(names.resolver))

        # By the endpoint, and the other way round; by nothing but our word, whatever the endpoint does.
        for is_well in (True, False):
            assert leads(is_well, disabled=False, inverted=False) == (HOME if is_well else AWAY)
            assert leads(is_well, disabled=False, inverted=True) == (AWAY if is_well else HOME)
            assert leads(is_well, disabled=True, inverted=False) == HOME
            assert leads(is_well, disabled=True, inverted=True) == AWAY
    world.close()


def test_a_load_balancer_shows_eight_of_many_addresses(names: Names, world: World) -> None:
    many = [f"192.0.2.{index}" for index in range(1, 33)]
    names.addresses[world.primary.dns_name.lower()] = many
    names.resolver.ttl = 0
    seen = [values(ask(names.resolver)) for _ in range(20)]
    assert all(len(one) == 8 and one <= set(many) for one in seen) and len(set.union(*seen)) > 8
    names.addresses[world.primary.dns_name.lower()] = [f"2001:db8::{index:x}" for index in range(1, 9)]
    assert len(values(ask(names.resolver, kind="AAAA", tcp=True), "AAAA")) == 8
