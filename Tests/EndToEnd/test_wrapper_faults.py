"""The stand-in for AWS: signatures, every fault, and the load balancers, seen through boto3 and raw sockets."""

from __future__ import annotations

import hashlib
import json
import socket
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from alb import Alb
from aws.client import Control
from aws.state import ACCESS_KEY, SECRET_KEY
from world import ACCOUNT, BUCKET, DR, PRIMARY, REPLICA, SECRET, SWITCH, World
from wrapper_support import code, promote, until

# Signatures


def test_a_wrong_key_is_refused_by_every_service(world: World, aws: Control) -> None:
    def refusal(service: str, region: str, call: str, **params: Any) -> str:
        return code(lambda: getattr(aws.client(service, region, secret_key="wrong"), call)(**params))

    assert refusal("sts", DR, "get_caller_identity") == "SignatureDoesNotMatch"
    assert refusal("rds", DR, "describe_db_instances") == "SignatureDoesNotMatch"
    assert refusal("secretsmanager", DR, "get_secret_value", SecretId=SECRET) == "SignatureDoesNotMatch"
    assert refusal("route53", "us-east-1", "list_hosted_zones") == "SignatureDoesNotMatch"
    assert refusal("s3", DR, "put_object", Bucket=BUCKET, Key=SWITCH, Body=b"x") == "SignatureDoesNotMatch"
    assert not world.switch_present()


def signed_put(world: World, key: str, body: bytes) -> urllib.request.Request:
    request = AWSRequest("PUT", f"{world.control.url}/{BUCKET}/{key}", data=body)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", DR).add_auth(request)
    return urllib.request.Request(request.url, body, dict(request.headers.items()), method="PUT")


def status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_a_signed_body_cannot_be_exchanged(world: World) -> None:
    assert status(signed_put(world, "a%20b%2Bc~/d", b"right")) == 200
    request = signed_put(world, SWITCH, b"right")
    request.data = b"wrong"
    assert status(request) == 403
    request = signed_put(world, SWITCH, b"right")
    request.add_header("x-amz-content-sha256", hashlib.sha256(b"wrong").hexdigest())
    assert status(request) == 403
    request = signed_put(world, SWITCH, b"right")
    request.add_header("x-amz-acl", "public-read")
    assert status(request) == 403
    assert not world.switch_present()


def test_an_unsigned_request_and_an_unknown_key_are_refused(world: World, aws: Control) -> None:
    assert status(urllib.request.Request(f"{aws.url}/{BUCKET}/{SWITCH}")) == 403
    with urllib.request.urlopen(f"{aws.url}/_pilotlight/state", timeout=5) as answer:
        assert answer.status == 200


def test_a_skewed_clock_is_told_by_the_date_header_and_refuses_signatures(world: World, aws: Control) -> None:
    aws.configure(clock_offset=900)
    try:
        with pytest.raises(ClientError) as refusal:
            world.client("sts", DR).get_caller_identity()
        assert refusal.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
        date = refusal.value.response["ResponseMetadata"]["HTTPHeaders"]["date"]
        told = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
        assert (told - datetime.now(timezone.utc)).total_seconds() == pytest.approx(900, abs=20)
        assert code(lambda: world.s3.list_objects_v2(Bucket=BUCKET)) == "RequestTimeTooSkewed"
    finally:
        aws.configure(clock_offset=0)


def test_a_fault_can_skew_the_date_header_alone(world: World, aws: Control) -> None:
    aws.fault("skew", seconds=-3600, count=1)
    headers = world.client("sts", DR).get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    told = datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
    assert (datetime.now(timezone.utc) - told).total_seconds() == pytest.approx(3600, abs=20)


# Faults


@pytest.mark.parametrize(("service", "region", "call", "params", "expected"), [
    ("rds", DR, "describe_db_instances", {}, "Throttling"),
    ("autoscaling", DR, "describe_auto_scaling_groups", {}, "Throttling"),
    ("cloudwatch", DR, "list_metrics", {}, "Throttling"),
    ("route53", "us-east-1", "list_hosted_zones", {}, "Throttling"),
    ("secretsmanager", DR, "list_secrets", {}, "ThrottlingException"),
    ("sns", DR, "list_topics", {}, "Throttled"),
    ("s3", DR, "list_objects_v2", {"Bucket": BUCKET}, "SlowDown"),
])
def test_each_service_throttles_in_its_own_words(
    world: World, aws: Control, service: str, region: str, call: str, params: dict[str, str], expected: str
) -> None:
    aws.fault("throttle", service=service, count=1)
    client = world.client(service, region)
    assert code(lambda: getattr(client, call)(**params)) == expected
    getattr(client, call)(**params)


def test_denied_expired_and_server_errors_come_as_the_service_words_them(world: World, aws: Control) -> None:
    rds, secrets = world.client("rds", DR), world.client("secretsmanager", DR)
    number = aws.fault("denied")
    assert code(rds.describe_db_instances) == "AccessDenied"
    assert code(secrets.list_secrets) == "AccessDeniedException"
    aws.lift(number)
    number = aws.fault("expired-token")
    assert code(rds.describe_db_instances) == "ExpiredToken"
    assert code(secrets.list_secrets) == "ExpiredTokenException"
    aws.lift(number)
    aws.fault("error", status=503, code="ServiceUnavailable", message="later", count=1)
    with pytest.raises(ClientError) as refusal:
        rds.describe_db_instances()
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    rds.describe_db_instances()


def test_a_fault_meets_only_its_region_service_and_action(world: World, aws: Control) -> None:
    aws.fault("denied", region=DR, service="rds", action="Promote*")
    world.client("rds", DR).describe_db_instances()
    world.client("rds", PRIMARY).describe_db_instances()
    assert code(lambda: promote(world)) == "AccessDenied"
    assert world.promotions() == []


def test_faults_skip_count_and_end(world: World, aws: Control) -> None:
    rds = world.client("rds", DR)

    def refused() -> bool:
        try:
            rds.describe_db_instances()
            return False
        except ClientError:
            return True

    number = aws.fault("throttle", skip=2, count=1)
    assert [refused() for _ in range(4)] == [False, False, True, False]
    assert aws.struck(number) == 1
    aws.fault("throttle", duration=0.3)
    assert refused()
    until(lambda: not refused())
    aws.reset(seed=7)
    aws.fault("throttle", probability=0.5)
    first = [refused() for _ in range(30)]
    aws.reset(seed=7)
    aws.fault("throttle", probability=0.5)
    assert first == [refused() for _ in range(30)] and 5 < sum(first) < 25


def test_a_lost_answer_was_carried_out(world: World, aws: Control) -> None:
    aws.fault("lost-answer", action="PromoteReadReplica", count=1)
    with pytest.raises(ConnectionClosedError):
        promote(world)
    assert world.promotions() == [REPLICA]
    assert [call["fault"] for call in world.changes("PromoteReadReplica")] == ["lost-answer"]


def test_a_request_can_be_carried_out_long_after_its_sender_has_given_up(world: World, aws: Control) -> None:
    aws.fault("late", action="PromoteReadReplica", count=1, seconds=1)
    with pytest.raises(ConnectionClosedError):
        promote(world)
    assert world.promotions() == []
    until(world.promotions)
    assert [call["status"] for call in world.changes("PromoteReadReplica")] == [None, 200]


def test_an_error_after_the_deed_was_carried_out_too(world: World, aws: Control) -> None:
    aws.fault("error-after", action="PromoteReadReplica", count=1, status=502)
    assert code(lambda: promote(world)) == "InternalFailure"
    assert world.promotions() == [REPLICA]


def test_a_reset_and_a_close_were_not_carried_out(world: World, aws: Control) -> None:
    for kind in ("reset", "close"):
        aws.fault(kind, action="PromoteReadReplica", count=1)
        with pytest.raises(ConnectionClosedError):
            promote(world)
    assert world.promotions() == []
    assert [call["status"] for call in world.changes("PromoteReadReplica")] == [None, None]


def test_a_reset_is_a_real_rst_on_the_wire(aws: Control) -> None:
    aws.fault("reset")
    with socket.create_connection(("127.0.0.1", aws.port), timeout=5) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(1000)
    aws.lift()


def test_latency_delays_and_a_black_hole_never_answers(world: World, aws: Control) -> None:
    started = time.monotonic()
    aws.fault("latency", seconds=0.5, count=1)
    world.client("sts", DR).get_caller_identity()
    assert time.monotonic() - started >= 0.5
    aws.fault("black-hole", region=DR)
    with pytest.raises(ReadTimeoutError):
        aws.client("sts", DR, read_timeout=0.5).get_caller_identity()
    world.client("sts", PRIMARY).get_caller_identity()


def test_a_lost_region_answers_nothing_and_starves_its_replicas(world: World, aws: Control) -> None:
    number = world.lose_primary_region()
    for service, call in (("sts", "get_caller_identity"), ("rds", "describe_db_instances")):
        with pytest.raises(ReadTimeoutError):
            getattr(aws.client(service, PRIMARY, read_timeout=0.3), call)()
    assert world.instance(DR, REPLICA)["StatusInfos"][0]["Status"] == "error"
    aws.lift(number)
    aws.client("sts", PRIMARY, read_timeout=5).get_caller_identity()


@pytest.mark.parametrize("kind", ["truncate", "garbage", "html"])
def test_answers_can_be_nonsense(world: World, aws: Control, kind: str) -> None:
    aws.fault(kind, service="rds", count=1)
    # boto3 has no one word for an answer that is not its protocol: a portal's page is XML to it, without a result.
    expected = {"truncate": HTTPClientError, "garbage": ResponseParserError, "html": (ResponseParserError, KeyError)}
    with pytest.raises(expected[kind]):
        world.client("rds", DR).describe_db_instances()
    assert world.instance(DR, REPLICA)["DBInstanceStatus"] == "available"


def test_a_body_can_be_huge(aws: Control) -> None:
    aws.fault("huge", bytes=3_000_000)
    got = 0
    with socket.create_connection(("127.0.0.1", aws.port), timeout=5) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while piece := raw.recv(1 << 20):
            got += len(piece)
    aws.lift()
    assert got > 3_000_000


def test_words_in_an_answer_can_be_replaced(world: World, aws: Control) -> None:
    aws.fault("replace", service="sts", **{"from": ACCOUNT, "to": "999999999999"})
    assert world.client("sts", DR).get_caller_identity()["Account"] == "999999999999"


def test_a_held_call_waits_and_is_dropped_when_its_client_dies(world: World, aws: Control) -> None:
    number = aws.fault("hold", action="PromoteReadReplica")
    with pytest.raises(ReadTimeoutError):
        aws.client("rds", DR, read_timeout=0.3).promote_read_replica(DBInstanceIdentifier=REPLICA)
    assert aws.struck(number) == 1
    aws.lift(number)
    time.sleep(0.2)
    assert world.promotions() == []
    number = aws.fault("hold-answer", action="PromoteReadReplica")
    with pytest.raises(ReadTimeoutError):
        aws.client("rds", DR, read_timeout=0.3).promote_read_replica(DBInstanceIdentifier=REPLICA)
    assert world.promotions() == [REPLICA]


def test_connections_are_kept_alive_and_chunked_bodies_understood(aws: Control) -> None:
    with socket.create_connection(("127.0.0.1", aws.port), timeout=5) as raw:
        for _ in range(2):
            raw.sendall(b"POST /_pilotlight/settings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"2\r\n{}\r\n0\r\n\r\n")
            answer = raw.recv(65_536)
            while b"verify_signatures" not in answer:
                answer += raw.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200")


def test_the_log_tells_changes_from_looks_and_keeps_no_secret(world: World, aws: Control) -> None:
    before = aws.mark()
    world.client("rds", DR).describe_db_instances()
    world.client("secretsmanager", DR).put_secret_value(SecretId=SECRET, SecretString='{"password": "CanaryInLog"}')
    world.s3.put_object(Bucket=BUCKET, Key=SWITCH, Body=b"dr")
    world.s3.head_object(Bucket=BUCKET, Key=SWITCH)
    world.route53.list_resource_record_sets(HostedZoneId=world.zone)
    seen = [(one["service"], one["action"], one["mutating"]) for one in aws.calls(since=before)]
    assert seen == [
        ("rds", "DescribeDBInstances", False), ("secretsmanager", "PutSecretValue", True), ("s3", "PutObject", True),
        ("s3", "HeadObject", False), ("route53", "ListResourceRecordSets", False)]
    assert "CanaryInLog" not in json.dumps(aws.calls())


def test_an_unknown_wish_is_refused_not_ignored(aws: Control) -> None:
    for path, wish in (("faults", {"kind": "no-such"}), ("settings", {"no_such": 1}), ("lag", {"mode": "no-such"})):
        with pytest.raises(ValueError, match="no.such"):
            aws.ask("POST", path, wish)


# The load balancer


@pytest.mark.parametrize(("mode", "expected"), [
    ("ok", "200 ok"), ("503", "503"), ("wrong-body", "200 under maintenance"), ("slow", "200 ok"),
    ("refused", "ConnectionRefusedError"), ("reset", "ConnectionResetError"), ("timeout", "TimeoutError"),
])
def test_a_load_balancer_fails_in_every_way(mode: str, expected: str) -> None:
    with Alb() as alb:
        alb.slow_for = 0.3
        for _ in range(2):
            alb.mode = mode
            started = time.monotonic()
            assert look(alb.url) == expected
            assert (time.monotonic() - started >= 0.3) == (mode in ("slow", "timeout"))
            alb.mode = "ok"
            assert look(alb.url) == "200 ok"


def look(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=0.5) as answer:
            return f"{answer.status} {answer.read().decode()}"
    except urllib.error.HTTPError as refusal:
        return str(refusal.code)
    except urllib.error.URLError as trouble:
        return type(trouble.reason).__name__
    except OSError as trouble:
        return type(trouble).__name__
