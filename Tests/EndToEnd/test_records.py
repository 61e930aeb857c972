"""Record sets: what their owner has put into them outlives failover and failback, and where they lead is looked at before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aws.client import Control
from checks import assert_failed_over, assert_home, fail_over, seen_up
from daemon import Daemon
from live_check import NOT_READY, READY, Check
from settings import WORKLOAD
from world import RECORD, Site, World

PAIR = ("primary", "dr")


def alias(site: Site) -> dict[str, Any]:
    return {"AliasTarget": {
        "HostedZoneId": site.alias_zone, "DNSName": f"dualstack.{site.dns_name}", "EvaluateTargetHealth": True}}


def value(site: Site) -> dict[str, Any]:
    return {"TTL": 300, "ResourceRecords": [{"Value": site.dns_name}]}


def put(world: World, kind: str, *sets: dict[str, Any], action: str = "UPSERT") -> None:
    changes = [{"Action": action, "ResourceRecordSet": {"Name": RECORD, "Type": kind, **one}} for one in sets]
    world.route53.change_resource_record_sets(HostedZoneId=world.zone, ChangeBatch={"Changes": changes})
    world.built = world.control.mark()


def pair(world: World, content: Callable[[Site], dict[str, Any]], weights: tuple[int, int]) -> list[dict[str, Any]]:
    """Each set with a health check of its own."""
    sites = (world.primary, world.dr)
    return [
        {"SetIdentifier": name, "Weight": weight, "HealthCheckId": world._build_check(), **content(site)}
        for name, weight, site in zip(PAIR, weights, sites, strict=True)]


def sets(world: World) -> list[dict[str, Any]]:
    found = world.route53.list_resource_record_sets(HostedZoneId=world.zone)["ResourceRecordSets"]
    for one in found:
        if "AliasTarget" in one:  # Route 53 answers with the dot, whoever wrote it without
            one["AliasTarget"]["DNSName"] = one["AliasTarget"]["DNSName"].rstrip(".")
    return sorted((one for one in found if one["Name"].rstrip(".") == RECORD), key=lambda one: one.get("SetIdentifier", ""))


def weighted_cname(world: World) -> dict[str, Any]:
    put(world, "CNAME", *pair(world, value, (7, 0)))
    return {"traffic.route53.ttl": None}


def weighted_alias(world: World) -> dict[str, Any]:
    world.route53.change_resource_record_sets(HostedZoneId=world.zone, ChangeBatch={"Changes": [
        {"Action": "DELETE", "ResourceRecordSet": one} for one in sets(world)]})
    put(world, "A", *pair(world, alias, (255, 0)))
    return {
        "traffic.route53.type": "A", "traffic.route53.ttl": None,
        "traffic.route53.primary.aliasZone": world.primary.alias_zone, "traffic.route53.dr.aliasZone": world.dr.alias_zone,
    }


def single_cname(world: World) -> dict[str, Any]:
    put(world, "CNAME", value(world.primary))
    return {}


@pytest.mark.parametrize(("traffic", "build"), [
    ("weighted", weighted_cname), ("weighted", weighted_alias), ("cname", single_cname), ("alias", lambda _: {})])
def test_what_belongs_to_a_records_owner_is_as_it_was_after_failover_and_failback(
    aws: Control, start: Callable[..., Daemon], traffic: str, build: Callable[[World], dict[str, Any]],
) -> None:
    world = World(aws, traffic=traffic)
    try:
        overrides = build(world)
        before, secrets = sets(world), (world.secret(world.primary), world.secret(world.dr))
        daemon = start(world, **overrides)
        fail_over(world, daemon)
        assert_failed_over(world, secrets[1])
        away = sets(world)
        moved = {"Weight"} if traffic == "weighted" else {"ResourceRecords", "AliasTarget"}
        for old, new in zip(before, away, strict=True):
            assert {name for name in {**old, **new} if old.get(name) != new.get(name)} <= moved, (old, new)
            assert new.get("AliasTarget", {}).get("EvaluateTargetHealth") == old.get("AliasTarget", {}).get(
                "EvaluateTargetHealth")
        if traffic == "weighted":
            assert sorted(one["Weight"] for one in away) == sorted(one["Weight"] for one in before)
        world.mend_primary()
        daemon.order("ack", "--loss-reviewed")
        daemon.order("failback", "--confirm", WORKLOAD)
        daemon.until_phase("healthy", 120)
        assert_home(world, secrets[0])
        assert sets(world) == before
        daemon.until("it is armed but for the hold-down", lambda workload: not any(
            RECORD in reason for reason in workload["armed"]["reasons"]), 75)
    finally:
        world.close()


@pytest.mark.parametrize(("weights", "ready"), [
    ((1, 0), READY), ((0, 0), NOT_READY), ((100, 1), NOT_READY), ((0, 100), NOT_READY)])
def test_weights_that_do_not_lead_users_to_the_primary_alone_are_told(
    aws: Control, tmp_path: Path, weights: tuple[int, int], ready: int,
) -> None:
    world = World(aws, traffic="weighted")
    try:
        put(world, "CNAME", *pair(world, value, weights))
        word, sentence = Check(Daemon(world, tmp_path), ready).items["traffic"]
        assert ready == READY or word == "NOT READY" and "to the primary alone" in sentence, sentence
    finally:
        world.close()


def test_a_third_weighted_set_is_told_before_any_disaster_and_is_a_persons_in_one(
    aws: Control, start: Callable[..., Daemon],
) -> None:
    """A share of the users would stay in the dead region, and the step would be done."""
    world = World(aws, traffic="weighted")
    third = {"SetIdentifier": "canary", **value(world.primary)}
    try:
        put(world, "CNAME", {**third, "Weight": 50})
        daemon = start(world, arm=False)
        word, sentence = Check(daemon, NOT_READY).items["traffic"]
        assert word == "NOT READY" and "record set canary of" in sentence and "weight 50" in sentence, sentence
        seen_up(daemon)
        world.break_primary()
        workload = daemon.until("it is stuck", lambda workload: workload["stuck"] is not None, 40)
        assert workload["stuck"]["step"] == "shift-traffic" and "canary" in daemon.explain(), daemon.explain()
        moved = {one["SetIdentifier"]: one["Weight"] for one in sets(world)}
        assert moved == {"primary": 0, "dr": 100, "canary": 50}, moved
        put(world, "CNAME", {**third, "Weight": 0})
        daemon.order("retry", reason="the canary has no users any more")
        daemon.until_phase("dr-active")
    finally:
        world.close()


@pytest.mark.parametrize("policy", ["failover", "latency"])
def test_sets_of_another_routing_policy_are_told_and_are_never_turned_into_weighted_ones(
    aws: Control, start: Callable[..., Daemon], policy: str,
) -> None:
    world = World(aws, traffic="weighted")
    try:
        how = {"failover": ("Failover", ("PRIMARY", "SECONDARY")), "latency": ("Region", ("eu-west-1", "us-west-2"))}
        name, values = how[policy]
        put(world, "CNAME", *(
            {"SetIdentifier": one, name: role, "HealthCheckId": world._build_check(), **value(site)}
            for one, role, site in zip(PAIR, values, (world.primary, world.dr), strict=True)))
        before = sets(world)
        words = f"is not weighted but {policy}"
        daemon = start(world, arm=False)
        told = daemon.until("it is told", lambda workload: words in " ".join(workload["armed"]["reasons"]), 20)
        if "never seen serving" in " ".join(told["armed"]["reasons"]):
            daemon.until("seen serving", lambda workload: "never seen" not in " ".join(workload["armed"]["reasons"]), 20)
        world.break_primary()
        daemon.until("the run is stuck", lambda workload: (workload["incident"] or {}).get("standing") == "stuck", 60)
        assert words in daemon.ctl("status").stdout
        assert world.changes("ChangeResourceRecordSets") == [] and sets(world) == before
    finally:
        world.close()


def test_an_aaaa_record_that_is_not_moved_is_told(aws: Control, tmp_path: Path) -> None:
    world = World(aws, traffic="alias")
    try:
        assert "AAAA" not in Check(Daemon(world, tmp_path), READY).items["traffic"][1]
        put(world, "AAAA", alias(world.primary))
        assert Check(Daemon(world, tmp_path), READY).items["traffic"][1] == (
            f"{RECORD} is there; its AAAA records are not moved")
        put(world, "A", alias(world.dr))
        assert "to the primary alone" in Check(Daemon(world, tmp_path), NOT_READY).items["traffic"][1]
    finally:
        world.close()
