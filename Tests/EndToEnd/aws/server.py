"""The server: HTTP/1.1 with a thread per connection, faults in front of moto, moto behind one lock.

moto is called as the WSGI application it is, but on a server of our own: it must be able to break a connection in the
middle of a body, to keep connections alive as AWS does, and to see requests byte for byte for their signatures.
"""

from __future__ import annotations

import io
import json
import os
import select
import socket
import struct
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from moto import backends
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import admin, faults, mend_aurora, mend_autoscaling, mend_others, mend_rds, routing_controls, signatures, state, wire
from .calls import CallLog
from .wire import Call, Reply

PORTAL = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in to this network.</body></html>"
#: Kinds of fault whose answer is an error of the service, not of the way to it.
REFUSALS = ("throttle", "error", "denied", "expired-token")
GARBAGE = bytes(range(256)) * 8


class Broken(Exception):
    """The connection was broken on purpose."""


class Cloud:
    """moto with its mends, its faults and its log."""

    def __init__(self) -> None:
        mend_rds.install()
        mend_aurora.install()
        mend_autoscaling.install()
        mend_others.install()
        # A thousand images a region would be built for each new world, and nobody launches from one.
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        # Asked at each request, and never another answer.
        modules = tuple(backends.list_of_moto_modules())
        backends.list_of_moto_modules = lambda: modules
        self.lock = threading.RLock()
        self.calls = CallLog()
        self.faults = faults.Faults()
        self._app = DomainDispatcherApplication(create_backend_app)

    def reset(self, seed: int = 0) -> None:
        """A new world: no resources, no faults, no memory."""
        with self.lock:
            self.faults.lift()
            self.faults = faults.Faults(seed)
            self.calls.clear()
            mend_autoscaling.followers.clear()
            moto_api_backend.reset()
            state.reset()

    def apply(self, call: Call, address: tuple[str, int]) -> Reply:
        """Lets moto answer."""
        with self.lock:
            state.current().advance()
            if state.current().settings.verify_signatures and (refusal := signatures.check(call)) is not None:
                return refusal
            if routing_controls.concerns(call):
                return routing_controls.answer(call)
            try:
                return self._wsgi(call, address)
            except Exception as mistake:  # moto's own crash is an internal error of the service
                return wire.error(call, 500, "InternalFailure", f"{type(mistake).__name__}: {mistake}")

    def _wsgi(self, call: Call, address: tuple[str, int]) -> Reply:
        answer: list[Any] = []
        parts = urlsplit(call.target)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": call.method, "SCRIPT_NAME": "", "PATH_INFO": unquote(parts.path, "latin-1"),
            "QUERY_STRING": parts.query, "REQUEST_URI": call.target, "RAW_URI": call.target,
            "SERVER_NAME": address[0], "SERVER_PORT": str(address[1]), "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(call.body), "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
            "wsgi.multiprocess": False, "wsgi.run_once": False, "CONTENT_LENGTH": str(len(call.body)),
        }
        for name, value in call.headers:
            key = name.upper().replace("-", "_")
            if key in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
                continue
            environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        body = b"".join(self._app(environ, lambda status, headers, *_: answer.extend((status, headers))))
        drop = ("date", "content-length", "connection", "transfer-encoding", "server")
        headers = [(name, value) for name, value in answer[1] if name.lower() not in drop]
        return int(answer[0].split()[0]), headers, body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    wbufsize = -1
    disable_nagle_algorithm = True
    #: Set by `serve`.
    cloud: Cloud

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _handle(self) -> None:
        try:
            self._answer(self._read_body())
        except (Broken, ConnectionError, TimeoutError, OSError):
            self.close_connection = True

    def _read_body(self) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                pass
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, body: bytes) -> None:
        if self.path.startswith("/_pilotlight/"):
            self._send(admin.handle(self.cloud, self.command, self.path, body))
            return
        call = wire.parse(self.command, self.path, list(self.headers.items()), body)
        entry = self.cloud.calls.begin(call)
        rules = self.cloud.faults.strike(call)
        offset = state.current().settings.clock_offset
        for rule in rules:
            entry["fault"] = rule.kind
            if rule.kind == "latency":
                self._wait(rule, float(rule.options["seconds"]))
            elif rule.kind == "skew":
                offset += float(rule.options["seconds"])
            elif rule.kind in faults.BEFORE:
                if (reply := self._before(rule, call)) is not None:
                    entry["status"] = reply[0] if rule.kind in REFUSALS else None
                    self._send(reply, offset)
                    return
        reply = self.cloud.apply(call, self.server.server_address)
        entry["status"] = reply[0]
        for rule in rules:
            if rule.kind in faults.AFTER:
                reply = self._after(rule, call, reply, offset)
        self._send(reply, offset)

    # Faults

    def _before(self, rule: faults.Rule, call: Call) -> Reply | None:
        """The answer instead of moto's, or None to go on."""
        options = rule.options
        match rule.kind:
            case "throttle":
                return wire.throttle(call)
            case "error":
                return wire.error(call, int(options.get("status", 500)), options.get("code", "InternalFailure"),
                                  options.get("message", "An internal error has occurred"))
            case "denied":
                code = "AccessDeniedException" if call.protocol == "json" else "AccessDenied"
                return wire.error(call, wire.denied_status(call), code,
                                  f"User: arn:aws:iam::123456789012:user/test is not authorized to perform: "
                                  f"{call.service}:{call.action}")
            case "expired-token":
                code = "ExpiredTokenException" if call.protocol == "json" else "ExpiredToken"
                return wire.error(call, 400 if call.protocol == "json" else 403, code,
                                  "The security token included in the request is expired")
            case "html":
                return int(options.get("status", 200)), [("Content-Type", "text/html")], PORTAL
            case "garbage":
                return 200, [("Content-Type", options.get("contentType", "text/xml"))], GARBAGE
            case "huge":
                self._huge(int(options.get("bytes", 100_000_000)))
            case "reset":
                self._reset()
            case "late":
                with self.cloud.lock:
                    state.current().after(float(options["seconds"]), lambda: self._carry_out(call))
                self._reset()
            case "close":
                raise Broken
            case "black-hole" | "region-down":
                self._wait(rule, None)
                self._reset()
            case "hold":
                self._wait(rule, None)
                if self._client_gone():
                    raise Broken
        return None

    def _carry_out(self, call: Call) -> None:
        self.cloud.calls.begin(call)["status"] = self.cloud.apply(call, self.server.server_address)[0]

    def _after(self, rule: faults.Rule, call: Call, reply: Reply, offset: float) -> Reply:
        match rule.kind:
            case "lost-answer":
                self._reset()
            case "error-after":
                return wire.error(call, int(rule.options.get("status", 500)),
                                  rule.options.get("code", "InternalFailure"), "An internal error has occurred")
            case "hold-answer":
                self._wait(rule, None)
            case "replace":
                old, new = rule.options["from"].encode(), rule.options["to"].encode()
                return reply[0], reply[1], reply[2].replace(old, new)
            case "truncate":
                kept = reply[2][: int(rule.options.get("bytes", len(reply[2]) // 2))]
                self._head(reply[0], reply[1], len(reply[2]), offset)
                self.wfile.write(kept)
                self.wfile.flush()
                raise Broken
        return reply

    def _huge(self, size: int) -> None:
        self._head(200, [("Content-Type", "text/xml")], size, 0.0)
        chunk = b"<a>" + b"A" * 65_533
        for _ in range(0, size, len(chunk)):
            self.wfile.write(chunk)
        raise Broken

    def _reset(self) -> None:
        """RST: linger zero, and the descriptor really closed while the handler still holds its buffers."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
        raise Broken

    def _wait(self, rule: faults.Rule, seconds: float | None) -> None:
        """Until the rule is lifted, the time is over or the client is gone."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or time.monotonic() < deadline:
            left = 0.05 if deadline is None else max(0.0, min(0.05, deadline - time.monotonic()))
            if rule.lifted.wait(left) or (deadline is None and rule.over()):
                return
            if self._client_gone():
                if deadline is None and rule.kind == "hold-answer":
                    return
                raise Broken

    def _client_gone(self) -> bool:
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    # Answers

    def _head(self, status: int, headers: list[tuple[str, str]], length: int, offset: float) -> None:
        self.send_response_only(status)
        self.send_header("Server", "AmazonEC2")
        self.send_header("Date", formatdate(time.time() + offset, usegmt=True))
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, reply: Reply, offset: float = 0.0) -> None:
        status, headers, body = reply
        self._head(status, headers, len(body), offset)
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a broken connection is our trade here

    def shutdown_request(self, request: Any) -> None:
        if request.fileno() >= 0:
            super().shutdown_request(request)


def serve(port: int, settings: dict[str, Any]) -> None:
    """Serves until killed; the first line on stdout is `{"port": N}`."""
    cloud = Cloud()
    state.current().settings.update(settings)
    Handler.cloud = cloud
    server = Server(("127.0.0.1", port), Handler)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever(poll_interval=0.1)
