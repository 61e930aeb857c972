"""Checks each incoming signature with botocore's own SigV4: the oracle that proves a client's signer.

A request is signed again from what arrived, with only the headers its author says were signed, and must come out the
same.
"""

from __future__ import annotations

import hashlib
import re
import time
from calendar import timegm

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from . import state
from .wire import Call, Reply, error

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})$"
)
MAXIMUM_SKEW = 300.0
#: Calls that AWS takes without a signature.
UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


class _OnlyTheseHeaders:
    """Signs exactly the headers that the sender signed, which botocore's own rule may not."""

    signed: list[str] = []

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name in self.signed:
            for value in request.headers.get_all(name) or []:
                headers[name] = value
        return headers


class _Query(_OnlyTheseHeaders, SigV4Auth):
    pass


class _S3(_OnlyTheseHeaders, S3SigV4Auth):
    pass


def secret_of(access_key: str) -> Credentials | None:
    """The test's long-lived key, or one that STS handed out."""
    if access_key == state.ACCESS_KEY:
        return Credentials(access_key, state.SECRET_KEY)
    from moto.sts.models import sts_backends

    for account in sts_backends.values():
        for backend in account.values():
            for role in backend.assumed_roles:
                if role.access_key_id == access_key:
                    return Credentials(access_key, role.secret_access_key, role.session_token)
    return None


def check(call: Call) -> Reply | None:
    """None when the signature is right, otherwise the refusal AWS would send."""
    if call.action in UNSIGNED:
        return None
    match = AUTHORIZATION.match(call.header("Authorization") or "")
    if not match:
        return error(call, 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    credentials = secret_of(match["key"])
    if credentials is None:
        return error(call, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    if credentials.token and call.header("X-Amz-Security-Token") != credentials.token:
        return error(call, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    stamp = call.header("X-Amz-Date") or ""
    if (refusal := _check_time(call, stamp, match["date"])) is not None:
        return refusal
    signed = match["headers"].split(";")
    if (complaint := _check_scope(call, signed, credentials)) is not None:
        return error(call, 403, "SignatureDoesNotMatch", complaint)
    expected, canonical = _sign(call, match, credentials, stamp, signed)
    if expected != match["signature"]:
        return error(
            call, 403, "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            f"The canonical string for this request should have been\n{canonical}",
        )
    return None


def _check_time(call: Call, stamp: str, date: str) -> Reply | None:
    try:
        at = timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return error(call, 403, "SignatureDoesNotMatch", "X-Amz-Date is missing or malformed")
    if not stamp.startswith(date):
        return error(call, 403, "SignatureDoesNotMatch", "Date in Credential scope does not match X-Amz-Date")
    now = time.time() + state.current().settings.clock_offset
    if abs(now - at) <= MAXIMUM_SKEW:
        return None
    if call.service == "s3":
        return error(call, 403, "RequestTimeTooSkewed", "The difference between the request time and the current time "
                     "is too large.")
    relation = "is now earlier than" if at < now else "is still later than"
    return error(call, 403, "SignatureDoesNotMatch",
                 f"Signature expired: {stamp} {relation} {time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}")


def _check_scope(call: Call, signed: list[str], credentials: Credentials) -> str | None:
    """What AWS insists must be under the signature."""
    if signed != sorted(signed):
        return "SignedHeaders are not sorted"
    if "host" not in signed:
        return "'Host' must be a 'SignedHeader'"
    present = {name.lower() for name, _ in call.headers}
    for name in sorted(present):
        if name.startswith("x-amz-") and name != "x-amzn-trace-id" and name not in signed:
            return f"'{name}' must be a 'SignedHeader'"
    declared = call.header("X-Amz-Content-SHA256")
    if declared and re.fullmatch("[0-9a-f]{64}", declared) and declared != hashlib.sha256(call.body).hexdigest():
        return "x-amz-content-sha256 is not the digest of the body"
    if call.service == "s3" and not declared:
        return "Missing required header for this request: x-amz-content-sha256"
    return None


def _sign(call: Call, match: re.Match[str], credentials: Credentials, stamp: str, signed: list[str]) -> tuple[str, str]:
    kind = _S3 if call.service == "s3" else _Query
    signer = kind(credentials, match["service"], match["region"])
    signer.signed = signed
    url = f"http://{call.header('Host')}{call.target}"
    request = AWSRequest(method=call.method, url=url, data=call.body)
    for name, value in call.headers:
        request.headers[name] = value
    request.context["timestamp"] = stamp
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request), canonical
