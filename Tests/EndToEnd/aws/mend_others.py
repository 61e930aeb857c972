"""The smaller gaps: lag that follows the replica, a secret replica that can be promoted, Route 53 changes that
take time, health checks that are switched, SimulatePrincipalPolicy, a caller with policies, topics that know who subscribes."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from moto.cloudwatch.models import CloudWatchBackend
from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse
from moto.rds.models import rds_backends
from moto.route53.models import HealthCheck, Route53Backend
from moto.route53.responses import Route53
from moto.secretsmanager.exceptions import SecretNotFoundException
from moto.secretsmanager.models import FakeSecret, ReplicaSecret, SecretsManagerBackend
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sns.models import Topic
from moto.sts.responses import TokenResponse

from . import mend_aurora, mend_rds, state, zones

HISTORY = 900.0


class Lag(NamedTuple):
    """A metric of lag."""

    dimension: str
    per_second: float


LAGS = {
    "ReplicaLag": Lag("DBInstanceIdentifier", 1),
    "AuroraGlobalDBRPOLag": Lag("DBClusterIdentifier", 1000),
    "AuroraGlobalDBReplicationLag": Lag("DBClusterIdentifier", 1000),
}


def install() -> None:
    CloudWatchBackend.get_metric_data = get_metric_data(CloudWatchBackend.get_metric_data)
    SecretsManagerResponse.stop_replication_to_replica = stop_replication_to_replica
    Route53.change_resource_record_sets = remember_change(Route53.change_resource_record_sets)
    Route53.get_change = get_change
    Route53Backend.update_health_check = update_health_check(Route53Backend.update_health_check)
    IamResponse.simulate_principal_policy = simulate_principal_policy
    Topic.subscriptions_confimed = property(subscribers, lambda topic, count: None)
    TokenResponse.get_caller_identity = get_caller_identity(TokenResponse.get_caller_identity)


# ReplicaLag, and that of a global database


def samples(region: str, identifier: str) -> list[tuple[float, float]]:
    """(wall time, seconds of lag), oldest first, as CloudWatch would have them now."""
    now, wall = state.current(), time.time()
    script = now.lag.get((region, identifier), {"mode": "auto"})
    period = now.settings.lag_period
    newest = wall - wall % period - (period if period >= 60 else 0)
    times = [newest - i * period for i in range(int(min(HISTORY / period, 180)), -1, -1)]
    mode = script["mode"]
    if mode == "absent":
        return []
    if mode == "constant":
        return [(at, float(script["seconds"])) for at in times]
    if mode == "stale":
        age = float(script["age"])
        return [(at - age, float(script["seconds"])) for at in times if wall - at + age < HISTORY]
    if mode == "list":
        values = [float(value) for value in script["values"]]
        return list(zip(times[-len(values):], values, strict=False))
    return automatic(region, identifier, times)


def replication(region: str, identifier: str) -> tuple[float, str, float] | None:
    """Since when it replicates, from which region, and how many seconds it is behind when all is well."""
    for account in rds_backends.values():
        backend = account[region] if region in account else None
        if backend and (cluster := backend.clusters.get(identifier)) is not None:
            source = mend_aurora.source_region(cluster)
            return (mend_aurora.following_since(cluster), source, mend_aurora.USUAL_LAG) if source else None
        if backend and (instance := backend.databases.get(identifier)) is not None:
            since = state.current().replicating_since.get((region, identifier))
            if since is None or not instance.source_db_instance_identifier:
                return None
            return since, mend_rds.source_region(instance), 1.0
    return None


def automatic(region: str, identifier: str, times: list[float]) -> list[tuple[float, float]]:
    """The usual while it replicates; after the source's death as `lag_after_death` says."""
    if (found := replication(region, identifier)) is None:
        return []
    now, (since, source, usual) = state.current(), found
    death = now.dead_regions.get(source)
    result = []
    for at in times:
        if at < since:
            continue
        if death is None or at <= death:
            result.append((at, usual))
        elif now.settings.lag_after_death == "growing":
            result.append((at, usual + at - death))
        elif now.settings.lag_after_death == "minus-one":
            result.append((at, -1.0))
    return result


def get_metric_data(original: Any) -> Any:
    def answered(self: CloudWatchBackend, queries: list[dict[str, Any]], start_time: datetime, end_time: datetime,
                 scan_by: str = "TimestampAscending") -> list[dict[str, Any]]:
        ours, rest = [], []
        for query in queries:
            metric = query.get("MetricStat", {}).get("Metric", {})
            (ours if metric.get("MetricName") in LAGS else rest).append(query)
        results = original(self, rest, start_time, end_time, scan_by) if rest else []
        for query in ours:
            results.append(lag_result(self.region_name, query, start_time, end_time, scan_by))
        return results

    return answered


def watched(region: str, metric: str, dimensions: dict[str, str]) -> list[str]:
    """Whose lag it is. A series has exactly these dimensions or it is not this one."""
    expected = {LAGS[metric].dimension}
    identifier = dimensions.get(LAGS[metric].dimension, "")
    script = state.current().lag.get((region, identifier), {})
    if metric != "ReplicaLag":
        if (found := replication(region, identifier)) is None:
            return []
        if state.current().settings.lag_source_region:
            expected.add("SourceRegion")
            if dimensions.get("SourceRegion") != found[1]:
                return []
    return [identifier] if set(dimensions) == expected and script.get("metric", metric) == metric else []


def lag_result(region: str, query: dict[str, Any], start: datetime, end: datetime, scan_by: str) -> dict[str, Any]:
    metric = query["MetricStat"]["Metric"]
    kind = LAGS[metric["MetricName"]]
    names = watched(region, metric["MetricName"], {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])})
    first = start.replace(tzinfo=timezone.utc).timestamp()
    last = end.replace(tzinfo=timezone.utc).timestamp() + state.current().settings.lag_period
    # CloudWatch stamps by AWS's clock, which may not be the client's.
    offset = state.current().settings.clock_offset
    stamped = [
        (at + offset, value * kind.per_second if value > 0 else value)
        for name in names for at, value in samples(region, name)]
    found = [one for one in stamped if first <= one[0] <= last]
    if scan_by == "TimestampDescending":
        found.reverse()
    return {
        "id": query["Id"],
        "label": query.get("Label") or metric["MetricName"],
        "values": [value for _, value in found],
        "timestamps": [datetime.fromtimestamp(0, timezone.utc) + timedelta(seconds=int(at)) for at, _ in found],
        "status_code": "Complete",
    }


# Secrets Manager


def stop_replication_to_replica(self: SecretsManagerResponse) -> str:
    backend: SecretsManagerBackend = self.backend
    secret_id = self._get_param("SecretId")
    for key, secret in list(dict.items(backend.secrets)):
        if isinstance(secret, ReplicaSecret) and secret_id in (secret.arn, secret.name):
            source = secret.source
            current = source.versions[source.default_version_id]
            alone = FakeSecret(
                account_id=backend.account_id, region_name=backend.region_name, secret_id=source.name,
                secret_version=dict(current, version_stages=list(current["version_stages"])),
                version_id=source.default_version_id, secret_string=source.secret_string,
                secret_binary=source.secret_binary, description=source.description, kms_key_id=source.kms_key_id,
                version_stages=["AWSCURRENT"], last_changed_date=source.last_changed_date,
                created_date=source.created_date,
            )
            alone.arn = secret.arn
            dict.pop(backend.secrets, key)
            backend.secrets[secret.name] = alone
            source.replicas = [one for one in source.replicas if one is not secret]
            return json.dumps({"ARN": alone.arn})
    raise SecretNotFoundException()


# Route 53


def remember_change(original: Any) -> Any:
    def changed(self: Route53) -> ActionResult:
        result = original(self)
        identifier = "C" + uuid.uuid4().hex[:20].upper()
        state.current().changes[identifier] = time.time()
        info = result.result["ChangeInfo"]
        info["Id"], info["Status"] = f"/change/{identifier}", "PENDING"
        zones.changed()
        return result

    return changed


def get_change(self: Route53) -> ActionResult:
    identifier = (self._get_param("Id") or "").removeprefix("/change/").strip("/")
    submitted = state.current().changes.get(identifier, 0.0)
    pending = time.time() - submitted < state.current().settings.route53
    return ActionResult({"ChangeInfo": {
        "Id": f"/change/{identifier}", "Status": "PENDING" if pending else "INSYNC",
        "SubmittedAt": datetime.fromtimestamp(submitted, timezone.utc),
    }})


def update_health_check(original: Any) -> Any:
    """What an update does not name stays (moto forgets regions and children); each has a version; the name servers learn of it."""

    def updated(self: Route53Backend, health_check_id: str, health_check_args: dict[str, Any]) -> HealthCheck:
        named = {name: value for name, value in health_check_args.items() if value != []}
        check = original(self, health_check_id, named)
        check.health_check_version += 1
        zones.changed()
        return check

    return updated


# IAM


def simulate_principal_policy(self: IamResponse) -> ActionResult:
    """One result an action, the most restrictive over all resources; what each resource gets is told inside it."""
    names = listed(self, "ActionNames")
    resources = listed(self, "ResourceArns") or ["*"]
    denied = state.current().denied
    # As IAM does: what any statement of the policy depends on and nobody told, whatever action is asked about.
    told = {entry["ContextKeyName"] for entry in self._get_param("ContextEntries") or []}
    untold = sorted({"aws:RequestedRegion", "kms:ViaService"} - told)
    results = []
    for name in names:
        word = "implicitDeny" if name in denied else "allowed"
        missing = untold if name in denied else []
        results.append({
            "EvalActionName": name, "EvalResourceName": "*" if len(resources) > 1 else resources[0],
            "MatchedStatements": [], "MissingContextValues": missing, "EvalDecision": word,
            "ResourceSpecificResults": [
                {"EvalResourceName": one, "EvalResourceDecision": word, "MissingContextValues": missing} for one in resources
            ],
        })
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def listed(self: IamResponse, name: str) -> list[str]:
    values = list(self._get_param(name, []))
    index = 1
    while not values[index - 1:] and (value := self._get_param(f"{name}.member.{index}")) is not None:
        values.append(value)
        index += 1
    return values


# SNS


def subscribers(topic: Topic) -> int:
    """moto counts none."""
    return len(topic.sns_backend.list_subscriptions_by_topic(topic.arn)[0])


# STS


def get_caller_identity(original: Any) -> Any:
    """The test's long-lived key is a user's, as IAM names one."""

    def named(self: TokenResponse) -> ActionResult:
        result = original(self)
        if result.result["Arn"].endswith(":user/moto"):
            result.result["Arn"] = f"arn:aws:iam::{result.result['Account']}:user/pilotlight"
        return result

    return named
