"""What a request says about itself (region, service, action), and how each service words an error."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

Reply = tuple[int, list[tuple[str, str]], bytes]

READ_PREFIXES = ("Describe", "Get", "List", "Head", "Simulate", "Assume", "BatchGet", "Lookup")

#: Parameters whose values are never kept in the call log.
SECRET_PARAMETERS = ("SecretString", "SecretBinary", "MasterUserPassword", "WebIdentityToken")


@dataclass
class Call:
    """One request as it came, and what it asks for."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    region: str = ""
    service: str = ""
    action: str = ""
    access_key: str = ""
    protocol: str = "query"
    params: dict[str, Any] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ",".join(values) if values else None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    @property
    def mutating(self) -> bool:
        return bool(self.action) and not self.action.startswith(READ_PREFIXES)


SCOPE = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
SERVICE_NAMES = {"monitoring": "cloudwatch", "elasticloadbalancing": "elbv2"}


def parse(method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Call:
    """Reads region and service from the credential scope, and the action in the service's own protocol."""
    call = Call(method, target, headers, body)
    scope = SCOPE.search(call.header("Authorization") or "")
    if scope:
        call.access_key, _, call.region, service = scope.groups()
        call.service = SERVICE_NAMES.get(service, service)
    json_target = call.header("X-Amz-Target")
    content_type = (call.header("Content-Type") or "").lower()
    if call.header("smithy-protocol") == "rpc-v2-cbor":
        call.protocol, call.action = "cbor", call.path.rsplit("/", 1)[-1]
    elif json_target:
        call.protocol, call.action = "json", json_target.split(".")[-1]
        call.params = _json(body)
    elif "x-www-form-urlencoded" in content_type or "Action=" in call.query:
        pairs = parse_qsl(call.query + "&" + body.decode("utf-8", "replace"), keep_blank_values=True)
        call.params = dict(pairs)
        call.action = call.params.get("Action", "")
    elif call.service == "s3":
        call.protocol, call.action, call.params = "s3", *_s3(call)
    elif call.service:
        call.protocol = "rest-xml"
        call.action = _rest_action(call.service, method, call.path)
        call.params = {"Path": call.path, "Query": call.query, "Body": body.decode("utf-8", "replace")[:4000]}
    for name in SECRET_PARAMETERS:
        if name in call.params:
            call.params[name] = "(not kept)"
    return call


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
        return value if isinstance(value, dict) else {}
    except ValueError:
        return {}


def _s3(call: Call) -> tuple[str, dict[str, Any]]:
    host = (call.header("Host") or "").split(":")[0]
    parts = unquote(call.path).lstrip("/").split("/", 1)
    if not re.fullmatch(r"[\d.]+|localhost", host) and host.count(".") >= 1:
        parts = [host.split(".")[0], unquote(call.path).lstrip("/")]
    bucket, key = parts[0], parts[1] if len(parts) > 1 else ""
    noun = "Object" if key else "Bucket"
    verbs = {"PUT": "Put" if key else "Create", "GET": "Get", "HEAD": "Head", "DELETE": "Delete"}
    verb = verbs.get(call.method, "Post")
    action = verb + noun
    if not key and call.method == "GET":
        action = "ListObjectsV2" if bucket else "ListBuckets"
    return action, {"Bucket": bucket, "Key": key}


@lru_cache
def _rest_operations(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    import botocore.session

    model = botocore.session.get_session().get_service_model(service)
    operations = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = http["requestUri"].split("?")[0].rstrip("/")
        pattern = re.compile(re.sub(r"\\{[^}]+\\}", r"[^/]+", re.escape(uri)) + "/?$")
        operations.append((http["method"], pattern, name))
    return operations


def _rest_action(service: str, method: str, path: str) -> str:
    try:
        operations = _rest_operations(service)
    except Exception:  # an unknown service: it gets an error of moto's own
        return f"{method} {path}"
    for verb, pattern, name in operations:
        if verb == method and pattern.match(path):
            return name
    return f"{method} {path}"


#: Status, code and message with which each service says "too fast".
THROTTLES = {
    "s3": (503, "SlowDown", "Please reduce your request rate."),
    "secretsmanager": (400, "ThrottlingException", "Rate exceeded"),
    "dynamodb": (400, "ThrottlingException", "Rate exceeded"),
    "ec2": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "sns": (429, "Throttled", "Rate exceeded"),
    "route53-recovery-cluster": (429, "ThrottlingException", "Rate exceeded"),
}
#: Services of version 1.0 of the JSON protocol, which say with the status, too, what is denied.
JSON_1_0 = ("route53-recovery-cluster",)


def throttle(call: Call) -> Reply:
    return error(call, *THROTTLES.get(call.service, (400, "Throttling", "Rate exceeded")))


def denied_status(call: Call) -> int:
    return 400 if call.protocol == "json" and call.service not in JSON_1_0 else 403


def error(call: Call, status: int, code: str, message: str) -> Reply:
    """The error as this service words it, in the protocol the request used."""
    request_id = str(uuid.uuid4())
    if call.protocol in ("json", "cbor"):
        version = "1.0" if call.service in JSON_1_0 else "1.1"
        headers = [("Content-Type", f"application/x-amz-json-{version}"), ("x-amzn-RequestId", request_id)]
        if call.protocol == "cbor":
            headers.append(("x-amzn-query-error", f"{code};Sender"))
        return status, headers, json.dumps({"__type": code, "message": message}).encode()
    fault = "Sender" if status < 500 else "Receiver"
    if call.protocol == "s3":
        text = (
            f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"<RequestId>{request_id}</RequestId><HostId>aws</HostId></Error>"
        )
        headers = [("Content-Type", "application/xml"), ("x-amz-request-id", request_id)]
    else:
        text = (
            f"<ErrorResponse><Error><Type>{fault}</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)]
    return status, headers, b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()
