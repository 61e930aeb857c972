"""Signs requests the way AWS's own Python SDK does: JSON on stdin, JSON on stdout.

Each case is {service, region, access, secret, token, seconds, method, scheme, host, path, query, headers, body, expires};
query and headers are lists of pairs, body is base64, token and expires may be missing. The answer to each is the Authorization
header and the others that were added or, where expires is given, the presigned query as a list of pairs.
"""

import base64
import datetime
import json
import random
import sys
from urllib.parse import quote, unquote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def sign(case):
    at = datetime.datetime.fromtimestamp(case["seconds"], datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *args, **kwargs: at
    # The order on the wire must not matter, so it is not ours.
    pairs = list(case["query"])
    random.Random(case["seconds"]).shuffle(pairs)
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    url = f"{case['scheme']}://{case['host']}{case['path']}" + (f"?{query}" if query else "")
    request = AWSRequest(method=case["method"], url=url, data=base64.b64decode(case["body"]))
    for name, value in case["headers"]:
        request.headers.add_header(name, value)
    credentials = Credentials(case["access"], case["secret"], case.get("token"))
    if "expires" in case:
        auth = botocore.auth.SigV4QueryAuth(credentials, case["service"], case["region"], expires=case["expires"])
        auth.add_auth(request)
        found = [part.partition("=") for part in urlsplit(request.url).query.split("&")]
        return {"query": [[unquote(name), unquote(value)] for name, _, value in found]}
    kind = botocore.auth.S3SigV4Auth if case["service"] == "s3" else botocore.auth.SigV4Auth
    auth = kind(credentials, case["service"], case["region"])
    auth.add_auth(request)
    return {
        "authorization": request.headers["Authorization"],
        "sha256": request.headers.get("X-Amz-Content-SHA256"),
        "date": request.headers.get("X-Amz-Date"),
        "token": request.headers.get("X-Amz-Security-Token"),
    }


json.dump([sign(case) for case in json.load(sys.stdin)], sys.stdout)
