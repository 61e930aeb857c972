"""A failover is over for users when DNS leads them there: the real daemon asks name servers that remember, are silent or lie."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_home, assert_order, assert_promoted_once
from daemon import BINARIES, PATIENCE, Daemon, pass_time
from names import FAULTS, Names, Resolver
from settings import WORKLOAD
from world import RECORD, REPLICA, SERVING, STANDBY, World

VERIFY, VERIFY_HOME = "verify-dns", "verify-dns-home"
#: As long as no test takes.
FOR_EVER = 3600


@pytest.fixture
def world(aws: Control, request: pytest.FixtureRequest) -> Iterator[World]:
    """With another way of moving the traffic, where a test says so."""
    built = World(aws, traffic=getattr(request, "param", "cname"))
    yield built
    built.close()


@pytest.fixture
def names(world: World) -> Iterator[Names]:
    """Resolvers that remember nothing unless they are told to."""
    with Names.of(world, ttl=0, resolvers=2) as built:
        yield built


@pytest.fixture
def asking(world: World, names: Names, start: Callable[..., Daemon]) -> Callable[..., Daemon]:
    """A daemon whose configuration says no more of DNS than it must."""

    def asked(**overrides: Any) -> Daemon:
        return start(world, **dns(world, names), **overrides)

    return asked


def dns(world: World, names: Names) -> dict[str, Any]:
    servers = names.settings()
    # A record of `route53` tells the rest.
    told = {"name": RECORD, "primary": world.primary.dns_name, "dr": world.dr.dns_name}
    return {"dns": {
        **(told if world.traffic == "failover" else {}), "resolvers": servers["resolvers"],
        "servers": servers["authoritative"]}}


def remember(resolver: Resolver) -> None:
    """It goes on with what is true now: its users have just asked."""
    for kind in ("A", "AAAA"):
        resolver.look(RECORD, kind)
    resolver.stay(FOR_EVER)


def page(daemon: Daemon) -> str:
    """What an operator reads who does not read the log."""
    return daemon.ctl("status").stdout + daemon.explain()


def until_shown(daemon: Daemon, *sentences: str) -> None:
    """In `status` and in `explain`."""
    daemon.wait_until(f"{sentences} is shown", lambda: all(
        re.search(one, text) for one in sentences for text in (daemon.ctl("status").stdout, daemon.explain())), 25)


def until_running(daemon: Daemon, step: str) -> None:
    daemon.wait_until(f"{step} runs", lambda: daemon.steps().get(step) == "running", 90)


def detail(daemon: Daemon, step: str) -> str:
    (found,) = (one["detail"] for one in daemon.status()["incident"]["steps"] if one["name"] == step)
    return found or ""


# Failover


@pytest.mark.parametrize("world", ["cname", "alias", "failover"], indirect=True)
def test_users_whose_resolver_remembers_are_waited_for_and_the_rest_of_its_ttl_is_shown(
    world: World, names: Names, asking
) -> None:
    daemon = asking()
    secret = world.secret(world.dr)
    remember(names.resolver)
    world.break_primary()
    until_running(daemon, VERIFY)
    here, there = world.primary.dns_name.lower(), world.dr.dns_name.lower()
    until_shown(
        daemon, f"2 of 3 servers lead {RECORD} to {there}; "
        rf"{names.resolver.address} still leads to {here} for \d+ min( \d+ s)? more \(TTL\)")
    daemon.stays(lambda: daemon.steps()[VERIFY] == "running" and world.serving() == "dr", 2)
    assert world.announcements() == [] and daemon.status()["stuck"] is None
    names.resolver.stay(4 * PATIENCE)
    daemon.until_phase("dr-active", 40)
    assert names.resolver.frozen_for == 0, "it did not wait for it"
    assert detail(daemon, VERIFY) == f"all 3 servers lead {RECORD} to {there}"
    assert_failed_over(world, secret)
    if world.traffic == "failover":
        assert world.changes("ChangeResourceRecordSets") == [] and len(world.changes("UpdateHealthCheck")) == 1


def test_resolvers_that_say_nothing_of_use_beside_one_that_does_hold_nothing_up_and_are_named(world: World, start) -> None:
    with Names.of(world, ttl=0, resolvers=1 + len(FAULTS)) as names:
        daemon = start(world, **dns(world, names))
        secret = world.secret(world.dr)
        bad = dict(zip(FAULTS, names.resolvers[1:], strict=True))
        for fault, resolver in bad.items():
            resolver.fault = fault
        world.break_primary()
        daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)
    found = detail(daemon, VERIFY)
    assert found.startswith(f"2 of {2 + len(bad)} servers lead {RECORD} to "), found
    assert all(f"{resolver.address}: " in found for resolver in bad.values()), found
    assert "SERVFAIL" in found and "REFUSED" in found, found


def test_while_nobody_answers_it_waits_and_is_armed_all_the_same_and_a_person_ends_it(
    world: World, names: Names, asking
) -> None:
    for server in (names.zone, *names.resolvers):
        server.fault = "silent"
    daemon = asking()
    workload = daemon.until("it is shown before any disaster", lambda workload: any(
        one.startswith("names not proven") for one in workload["armed"]["unproven"]), 25)
    assert workload["armed"]["ok"], workload["armed"]
    world.break_primary()
    until_running(daemon, VERIFY)
    until_shown(daemon, "0 of 3 servers lead", "no authoritative server answered", "no resolver answered")
    daemon.stays(lambda: daemon.steps()[VERIFY] == "running" and world.serving() == "dr", 3)
    daemon.order("skip", "--step", VERIFY, reason="users tell us that they are served")
    daemon.until_phase("dr-active", 20)
    assert daemon.steps()[VERIFY] == "skipped" and len(world.announcements()) == 1
    assert_promoted_once(world)


@pytest.mark.parametrize("world", ["failover"], indirect=True)
def test_a_health_check_that_the_zone_learns_of_late_is_waited_for_and_not_switched_again(
    world: World, names: Names, asking
) -> None:
    """F43: the API knows of no change that is pending; the zone's servers do."""
    daemon = asking()
    secret = world.secret(world.dr)
    world.control.configure(route53=12 * PATIENCE)
    world.break_primary()
    until_running(daemon, VERIFY)
    until_shown(daemon, rf"{names.zone.address} \(authoritative\) still leads to {world.primary.dns_name.lower()}")
    daemon.until_phase("dr-active", 40)
    assert_failed_over(world, secret)
    assert len(world.changes("UpdateHealthCheck")) == 1


def test_an_answer_that_leads_elsewhere_is_waited_for_whoever_gives_it(world: World, names: Names, asking) -> None:
    daemon = asking()
    # As a captive portal: the load balancers' names, too.
    names.resolver.wrong = "203.0.113.7"
    world.break_primary()
    until_running(daemon, VERIFY)
    until_shown(daemon, f"{names.resolver.address} leads to 203.0.113.7 .*, which is both load balancers' and tells nothing")
    names.resolver.wrong = "sorry.example.net"
    until_shown(daemon, f"{names.resolver.address} knows no address")
    names.resolver.wrong = None
    names.zone.fault = "servfail"
    until_shown(daemon, "no authoritative server answered")
    names.zone.fault, names.zone.wrong = None, world.primary.dns_name.lower()
    until_shown(daemon, rf"{names.zone.address} \(authoritative\) still leads to {names.zone.wrong}")
    daemon.stays(lambda: daemon.steps()[VERIFY] == "running", 2)
    names.zone.wrong = None
    daemon.until_phase("dr-active", 30)
    assert_promoted_once(world)


def test_after_a_quarter_of_an_hour_of_a_failover_it_is_given_up_and_said(world: World, names: Names, asking) -> None:
    daemon = asking()
    secret = world.secret(world.dr)
    remember(names.resolver)
    world.break_primary()
    until_running(daemon, VERIFY)
    pass_time(daemon, 14)
    daemon.stays(lambda: daemon.steps()[VERIFY] == "running", 2)
    pass_time(daemon, 1)
    daemon.until_phase("dr-active", 30)
    assert re.search(
        rf"{VERIFY} +done .* given up: .*{names.resolver.address} still leads to", daemon.ctl("status").stdout), page(daemon)
    assert_failed_over(world, secret)


def test_a_kill_while_dns_is_asked_repeats_nothing_and_asks_again(world: World, names: Names, asking) -> None:
    daemon = asking()
    secret = world.secret(world.dr)
    remember(names.resolver)
    world.break_primary()
    until_running(daemon, VERIFY)
    before = world.changes()
    daemon.kill()
    names.resolver.asked.clear()
    daemon.start()
    daemon.wait_until("it is asked again", lambda: names.resolver.asked, 15)
    daemon.stays(lambda: daemon.steps()[VERIFY] == "running", 2)
    assert world.changes() == before
    names.resolver.stay(0)
    daemon.until_phase("dr-active", 30)
    assert_failed_over(world, secret)
    assert len(world.changes()) == len(before) + 1, "the announcement alone was to come"


# Both ways


@pytest.mark.parametrize("world", ["cname", "failover"], indirect=True)
def test_on_the_way_home_the_dr_region_serves_until_nobody_is_led_there_any_more(
    world: World, names: Names, asking
) -> None:
    """For however long; then the pilot light burns as before."""
    check = world.check_config() if world.traffic == "failover" else {}
    daemon = asking()
    secret = world.secret(world.primary)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    world.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    remember(names.resolver)
    daemon.order("failback", "--confirm", WORKLOAD)
    until_running(daemon, VERIFY_HOME)
    until_shown(daemon, f"{names.resolver.address} still leads to {world.dr.dns_name.lower()} for ")
    pass_time(daemon, 30)
    daemon.stays(lambda: daemon.steps()[VERIFY_HOME] == "running" and world.sizes(world.dr) == SERVING, 3)
    assert world.in_service(world.dr) >= 1 and world.serving() == "primary"
    assert daemon.steps()["scale-down-dr"] == "waiting"
    names.resolver.stay(0)
    daemon.until_phase("healthy", 60)
    assert_home(world, secret)
    assert daemon.phases[-3:] == ["dr-active", "failing-back", "healthy"]
    if world.traffic == "failover":
        assert world.check_config() == check, "it follows its endpoint, with every setting that its owner gave it"
        assert len(world.changes("UpdateHealthCheck")) == 2
        daemon.until("it is ready again", lambda workload: workload["armed"]["reasons"] == [] or "hold-down" in str(
            workload["armed"]["reasons"]), 40)


def test_a_switchover_scales_the_primary_down_behind_the_last_user(world: World, names: Names, asking) -> None:
    daemon = asking()
    secret = world.secret(world.dr)
    remember(names.resolver)
    daemon.order("switchover", "--confirm", WORKLOAD)
    until_running(daemon, VERIFY)
    pass_time(daemon, 20)
    daemon.stays(lambda: daemon.steps()[VERIFY] == "running" and world.sizes(world.primary) == SERVING, 3)
    assert world.serving() == "dr" and world.promotions() == [REPLICA]
    names.resolver.stay(0)
    daemon.until_phase("dr-active", 60)
    assert world.sizes(world.primary) == STANDBY
    assert_failed_over(world, secret)
    assert_order(world, "PromoteReadReplica", "ChangeResourceRecordSets")


# Configuration


def test_a_plan_can_do_without_and_the_others_keep_it(asking) -> None:
    daemon = asking(**{"plans.failover": {"without": [VERIFY]}})
    plans = {kind: daemon.ctl("plan", kind).stdout for kind in ("failover", "switchover", "failback")}
    assert f"{VERIFY}  " not in plans["failover"] and f"looked at by nobody: {VERIFY}" in plans["failover"]
    assert plans["switchover"].index("shift-traffic") < plans["switchover"].index(VERIFY), plans["switchover"]
    assert plans["switchover"].index(VERIFY) < plans["switchover"].index("scale-down-primary")
    assert plans["failback"].index(VERIFY_HOME) < plans["failback"].index("scale-down-dr"), plans["failback"]


TWO_WAYS = {"objectSwitch": {"bucket": "b-1", "key": "k"}, "healthCheck": {"id": "0d8ab1f2-1e05-4a3f-9c41-0c3c9d0e6a01"}}
SWITCH = {"objectSwitch": TWO_WAYS["objectSwitch"]}


@pytest.mark.parametrize(("overrides", "line", "words"), [
    ({"traffic": SWITCH, "dns": {"resolvers": ["127.0.0.1"]}}, "dns:", "which name users resolve"),
    ({"traffic": SWITCH, "dns": {"name": RECORD}}, "dns:", "nothing would tell them apart"),
    ({"traffic": TWO_WAYS}, "healthCheck:", "exactly one of"),
    ({"dns": {"resolvers": ["a resolver"]}}, "- a resolver", "resolvers"),
    ({"plans.failover": {"without": [VERIFY]}}, "without:", f"`{VERIFY}`, is no step of this plan"),
], ids=["no name", "one host", "two ways", "no address", "nothing to leave out"])
def test_a_configuration_that_cannot_be_meant_is_refused_with_its_line(
    world: World, tmp_path: Path, overrides: dict, line: str, words: str
) -> None:
    daemon = Daemon(world, tmp_path, overrides)
    done = subprocess.run(
        [BINARIES / "pilotlightd", "--config", daemon.config, "--check"], capture_output=True, text=True,
        timeout=20 * PATIENCE, env=daemon.environment(), cwd=daemon.directory)
    output = done.stdout + done.stderr
    found = [number for number, text in enumerate(daemon.config.read_text().splitlines(), 1) if text.strip() == line]
    assert done.returncode == 2, output
    assert re.search(rf"^{re.escape(str(daemon.config))}:{found[0]}: .*{words}", output, re.MULTILINE), (found, output)
