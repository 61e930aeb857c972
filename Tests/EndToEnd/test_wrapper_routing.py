"""The stand-in for AWS: the cluster of the routing controls, seen through boto3."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

from aws.client import Control
from aws.routing_controls import PATH, REGIONS, SERVICE
from aws.state import ACCESS_KEY, SECRET_KEY
from wrapper_support import code, refusal

PANEL = "arn:aws:route53-recovery-control::123456789012:controlpanel/0123456789abcdef0123456789abcdef"
HOME, AWAY, GATE = (f"{PANEL}/routingcontrol/{letter * 16}" for letter in "abc")
UNKNOWN = f"{PANEL}/routingcontrol/{'d' * 16}"
GET, UPDATE = "GetRoutingControlState", "UpdateRoutingControlStates"
TO_DR, TO_PRIMARY = {AWAY: "On", HOME: "Off"}, {HOME: "On", AWAY: "Off"}


@pytest.fixture
def cluster(aws: Control) -> Control:
    aws.reset()
    aws.set_routing_controls({HOME: "On", AWAY: "Off", GATE: "Off"})
    return aws


def update(cluster: Control, states: dict[str, str], region: str = REGIONS[0], **more: Any) -> None:
    cluster.client(SERVICE, region).update_routing_control_states(UpdateRoutingControlStateEntries=[
        {"RoutingControlArn": arn, "RoutingControlState": state} for arn, state in states.items()], **more)


def look(cluster: Control, arn: str, region: str = REGIONS[0], **config: Any) -> str:
    client = cluster.client(SERVICE, region, **config)
    return client.get_routing_control_state(RoutingControlArn=arn)["RoutingControlState"]


@pytest.mark.parametrize("region", REGIONS)
def test_every_endpoint_moves_the_controls_and_all_of_them_tell_the_same(cluster: Control, region: str) -> None:
    for states in (TO_DR, TO_PRIMARY):
        update(cluster, states, region)
        for asked in REGIONS:
            assert {arn: look(cluster, arn, asked) for arn in states} == states
    assert cluster.routing_controls() == {**TO_PRIMARY, GATE: "Off"}
    answer = cluster.client(SERVICE, region).get_routing_control_state(RoutingControlArn=HOME)
    assert answer["RoutingControlArn"] == HOME and answer["RoutingControlName"] == "control-aaaa"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.0"


def test_only_the_regions_of_the_cluster_have_an_endpoint_and_only_of_this_service(cluster: Control) -> None:
    assert code(lambda: look(cluster, HOME, "eu-central-1")) == "InvalidSignatureException"
    assert code(lambda: cluster.client(SERVICE, REGIONS[0], secret_key="wrong").get_routing_control_state(
        RoutingControlArn=HOME)) == "SignatureDoesNotMatch"
    assert raw(cluster, GET, {"RoutingControlArn": HOME})[0] == 200
    assert raw(cluster, GET, {"RoutingControlArn": HOME}, service="route53") == (403, "InvalidSignatureException")
    assert raw(cluster, GET, {"RoutingControlArn": HOME}, path="/") == (404, "UnknownOperationException")
    assert raw(cluster, GET, {"RoutingControlArn": HOME}, kind="application/x-amz-json-1.1") == (
        400, "SerializationException")
    assert raw(cluster, "DeleteRoutingControl", {"RoutingControlArn": HOME}) == (400, "UnknownOperationException")


def raw(
    cluster: Control, action: str, params: Any, service: str = SERVICE, path: str = PATH,
    kind: str = "application/x-amz-json-1.0"
) -> tuple[int, str | None]:
    """Status and code of a request that boto3 would not make."""
    body = json.dumps(params).encode()
    request = AWSRequest("POST", cluster.url + path, data=body, headers={
        "Content-Type": kind, "X-Amz-Target": f"ToggleCustomerAPI.{action}"})
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), service, REGIONS[0]).add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(
                request.url, body, dict(request.headers.items()), method="POST"), timeout=5) as answer:
            return answer.status, None
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)["__type"]


@pytest.mark.parametrize("entries", [
    [], ["x"], [{"RoutingControlArn": HOME}], [{"RoutingControlArn": HOME, "RoutingControlState": "on"}],
    [{"RoutingControlArn": "arn:aws:s3:::x", "RoutingControlState": "On"}],
    [{"RoutingControlArn": HOME, "RoutingControlState": "Off"}] * 2, None,
], ids=["none", "no-entry", "no-state", "no-such-state", "no-control", "twice", "missing"])
def test_what_is_no_update_is_refused(cluster: Control, entries: Any) -> None:
    assert raw(cluster, UPDATE, {"UpdateRoutingControlStateEntries": entries}) == (400, "ValidationException")
    assert len(cluster.routing_history()) == 1


def test_a_control_that_does_not_exist_is_named_and_nothing_else_moves(cluster: Control) -> None:
    found = refusal(lambda: look(cluster, UNKNOWN))
    assert (found["Error"]["Code"], found["resourceId"], found["resourceType"]) == (
        "ResourceNotFoundException", UNKNOWN, "RoutingControl")
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 404 and UNKNOWN in found["Error"]["Message"]
    assert code(lambda: update(cluster, {HOME: "Off", UNKNOWN: "On"})) == "ResourceNotFoundException"
    assert look(cluster, HOME) == "On"
    cluster.set_routing_controls({HOME: None})
    assert code(lambda: look(cluster, HOME)) == "ResourceNotFoundException"


def test_an_assertion_refuses_the_whole_of_an_update_that_leaves_too_few_on(cluster: Control) -> None:
    arn = cluster.safety_rules({"name": "one-is-on", "controls": [HOME, AWAY], "atLeast": 1})["one-is-on"]
    assert arn.startswith(f"{PANEL}/safetyrule/") and len(arn.rsplit("/", 1)[1]) == 16
    found = refusal(lambda: update(cluster, {HOME: "Off", GATE: "On"}))
    assert (found["Error"]["Code"], found["resourceId"], found["resourceType"]) == ("ConflictException", arn, "SafetyRule")
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert arn in found["Error"]["Message"] and "'one-is-on'" in found["Error"]["Message"]
    assert cluster.routing_controls() == {HOME: "On", AWAY: "Off", GATE: "Off"}
    update(cluster, TO_DR)
    cluster.set_routing_controls({AWAY: "Off"})
    update(cluster, {GATE: "On"})  # it has no word in this
    update(cluster, {HOME: "On"})


def test_a_gate_lets_updates_through_only_while_it_is_on(cluster: Control) -> None:
    arn = cluster.safety_rules({"name": "hands-off", "controls": [HOME, AWAY], "gates": [GATE]})["hands-off"]
    for _ in range(2):
        message = refusal(lambda: update(cluster, TO_DR))["Error"]["Message"]
        assert arn in message and "'hands-off'" in message
        assert look(cluster, AWAY) == "Off"
    update(cluster, {GATE: "On"})
    update(cluster, TO_DR)
    cluster.set_routing_controls({GATE: "Off"})
    assert code(lambda: update(cluster, TO_PRIMARY)) == "ConflictException"
    cluster.safety_rules()
    update(cluster, TO_PRIMARY)


def test_a_rule_can_be_overridden_by_its_name_alone(cluster: Control) -> None:
    first, second = cluster.safety_rules(
        {"name": "first", "controls": [AWAY], "gates": [GATE]},
        {"name": "second", "controls": [HOME], "atLeast": 1}).values()
    assert refusal(lambda: update(cluster, TO_DR))["resourceId"] == first
    assert refusal(lambda: update(cluster, TO_DR, SafetyRulesToOverride=[first]))["resourceId"] == second
    assert code(lambda: update(cluster, TO_DR, SafetyRulesToOverride=[f"{first[:-1]}x"])) == "ResourceNotFoundException"
    update(cluster, TO_DR, SafetyRulesToOverride=[first, second])
    assert look(cluster, AWAY) == "On"


def test_what_became_of_the_controls_is_remembered_until_the_world_is_new(cluster: Control) -> None:
    update(cluster, TO_DR)
    update(cluster, TO_PRIMARY)
    assert [[one[HOME], one[AWAY]] for one in cluster.routing_history()] == [["On", "Off"], ["Off", "On"], ["On", "Off"]]
    cluster.safety_rules({"name": "hands-off", "controls": [AWAY], "gates": [GATE]})
    cluster.reset()
    assert cluster.routing_controls() == {} and cluster.routing_history() == []
    cluster.set_routing_controls({HOME: "On", AWAY: "Off", GATE: "Off"})
    update(cluster, TO_DR)
    for wish in ({HOME: "on"}, {"arn:aws:s3:::x": "On"}):
        with pytest.raises(ValueError, match="no state"):
            cluster.set_routing_controls(wish)
    with pytest.raises(ValueError, match="no safety rule"):
        cluster.safety_rules({"name": "x", "controls": [HOME]})


def test_calls_are_told_apart_by_endpoint_and_a_look_is_no_change(cluster: Control) -> None:
    before = cluster.mark()
    look(cluster, HOME, REGIONS[3])
    update(cluster, TO_DR, REGIONS[4])
    calls = cluster.calls(since=before)
    assert [(one["service"], one["region"], one["action"], one["mutating"], one["status"]) for one in calls] == [
        (SERVICE, REGIONS[3], GET, False, 200), (SERVICE, REGIONS[4], UPDATE, True, 200)]
    assert calls[1]["params"]["UpdateRoutingControlStateEntries"][0] == {
        "RoutingControlArn": AWAY, "RoutingControlState": "On"}


def test_faults_come_in_the_words_of_the_service_at_one_endpoint_alone(cluster: Control) -> None:
    dead, other = REGIONS[:2]
    for fault, status, words in (
        ({"kind": "throttle"}, 429, "ThrottlingException"), ({"kind": "denied"}, 403, "AccessDeniedException"),
        ({"kind": "error", "status": 503, "code": "EndpointTemporarilyUnavailableException"}, 503,
         "EndpointTemporarilyUnavailableException"),
    ):
        number = cluster.fault(**fault, region=dead, service=SERVICE)
        found = refusal(lambda: look(cluster, HOME, dead))
        assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Code"]) == (status, words)
        assert look(cluster, HOME, other) == "On"
        cluster.lift(number)


@pytest.mark.parametrize(("kind", "expected"), [
    ("reset", ConnectionClosedError), ("truncate", HTTPClientError), ("black-hole", ReadTimeoutError),
    ("region-down", ReadTimeoutError), ("lost-answer", ConnectionClosedError)])
def test_a_dead_endpoint_is_dead_alone(cluster: Control, kind: str, expected: type[Exception]) -> None:
    dead = REGIONS[2]
    cluster.fault(kind, region=dead)
    with pytest.raises(expected):
        look(cluster, HOME, dead, read_timeout=0.4)
    assert {look(cluster, HOME, region) for region in REGIONS if region != dead} == {"On"}


def test_an_update_whose_answer_is_lost_was_carried_out(cluster: Control) -> None:
    cluster.fault("lost-answer", action=UPDATE, count=1)
    with pytest.raises(ConnectionClosedError):
        update(cluster, TO_DR)
    assert look(cluster, AWAY) == "On"
