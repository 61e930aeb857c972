"""Everything the daemon talks to in the soak, in one process on loopback: load balancers over HTTP and TLS, one that
refuses every few seconds, and AWS. Counts what arrives."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from ctypes import c_uint64
from pathlib import Path
from typing import Any

from cloud import Cloud
from modes import ANSWERS, FAILURES, failure

#: What is counted, besides every way to fail.
KINDS = ("ok", *FAILURES, "tls", "refusing", "aws", "throttle", "close", "garbage-xml", "denied", "silence")

#: Ports of plain HTTP: more of them than one, since a closed connection holds its pair of ports for a while.
PLAIN = 8
#: How long the port that refuses does so, and how long it listens in between, seconds.
REFUSES, LISTENS = 3.0, 6.0
#: A slow answer comes after this: above `slowAfter`, below `timeout`.
SLOW = 0.05
#: AWS closes a connection that nobody used for this long.
IDLE = 8.0


def die_with_parent() -> None:
    """The kernel kills this process when its parent is gone, however that went (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Counts:
    """Counters that the soak's own process reads while the server's writes them."""

    def __init__(self) -> None:
        self._cells = multiprocessing.RawArray(c_uint64, len(KINDS))
        self._place = {kind: index for index, kind in enumerate(KINDS)}

    def add(self, kind: str) -> None:
        self._cells[self._place[kind]] += 1

    def all(self) -> dict[str, int]:
        return dict(zip(KINDS, self._cells, strict=True))

    def polls(self) -> int:
        """Requests that came in. What was refused, and what failed in the handshake, is not among them."""
        counted = self.all()
        return sum(counted[kind] for kind in ("ok", *FAILURES, "aws"))


class Exchange(asyncio.Protocol):
    """One connection: reads whole requests and hands each to `serve`."""

    def __init__(
        self, serve: Callable[[Exchange, bytes, bytes], None], among: set[Exchange] | None = None
    ) -> None:
        self._open = among
        self._serve = serve
        self._received = b""
        self.used = time.monotonic()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._open is not None:
            self._open.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        if self._open is not None:
            self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self.used = time.monotonic()
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        if b"\r\nContent-Length:" in head:
            length = int(head.split(b"\r\nContent-Length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self._received = body[length:]
            self._serve(self, head, body[:length])


class Servers:
    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.cloud = Cloud()
        #: Kept connections to AWS.
        self._kept: set[Exchange] = set()

    def balance(self, exchange: Exchange, head: bytes, _: bytes) -> None:
        """`GET /NUMBER/…`: target NUMBER as it is now."""
        mode = failure(int(head.split(b"/", 2)[1]), time.monotonic())
        self.counts.add(mode)
        if exchange.transport.get_extra_info("ssl_object") is not None:
            self.counts.add("tls")
        if mode == "timeout":
            return  # until the client gives up
        if mode == "reset":
            exchange.transport.abort()
        elif mode == "slow":
            asyncio.get_running_loop().call_later(SLOW, self._finish, exchange, ANSWERS[mode])
        else:
            self._finish(exchange, ANSWERS[mode])

    @staticmethod
    def _finish(exchange: Exchange, answer: bytes) -> None:
        if not exchange.transport.is_closing():
            exchange.transport.write(answer)
            exchange.transport.close()

    def call(self, exchange: Exchange, _: bytes, body: bytes) -> None:
        """A call to AWS, on a connection that is kept."""
        self.counts.add("aws")
        fault = self.cloud.fault()
        if fault is not None:
            self.counts.add("garbage-xml" if fault == "garbage" else fault)
        if fault == "silence":
            return
        if fault == "close":
            exchange.transport.abort()
            return
        # The target group's name ends in the number of the workload it belongs to.
        number = body.rpartition(b"soak-")[2].partition(b"%2F")[0]
        healthy = not number.isdigit() or failure(int(number), time.monotonic()) == "ok"
        status, text = self.cloud.refuse(fault) if fault else self.cloud.answer(body, healthy)
        exchange.transport.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    async def run(self, sockets: dict[str, list[socket.socket]], certificate: Path) -> None:
        loop = asyncio.get_running_loop()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        # A handshake that the client breaks off is what some targets are for.
        loop.set_exception_handler(lambda _, __: None)
        for one in sockets["plain"]:
            await loop.create_server(lambda: Exchange(self.balance), sock=one, backlog=1024)
        await loop.create_server(lambda: Exchange(self.balance), sock=sockets["tls"][0], ssl=context, backlog=1024)
        await loop.create_server(lambda: Exchange(self.call, self._kept), sock=sockets["aws"][0], backlog=1024)
        await asyncio.gather(self._refuse_and_listen(sockets["refusing"][0]), self._close_idle())

    async def _close_idle(self) -> None:
        """As AWS does, only sooner."""
        while True:
            await asyncio.sleep(1)
            for one in [one for one in self._kept if time.monotonic() - one.used > IDLE]:
                one.transport.close()

    async def _refuse_and_listen(self, bound: socket.socket) -> None:
        """A socket that is bound and does not listen keeps its port and refuses."""
        loop = asyncio.get_running_loop()
        port = bound.getsockname()[1]
        while True:
            self.counts.add("refusing")
            await asyncio.sleep(REFUSES)
            server = await loop.create_server(lambda: Exchange(self.balance), sock=bound, backlog=1024)
            await asyncio.sleep(LISTENS)
            server.close()
            bound = bind(port)


def bind(port: int = 0) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    return one


def make_certificate(directory: Path) -> Path:
    """A certificate for `localhost` alone, its own authority; elliptic: a handshake with RSA costs ten times as much."""
    certificate = directory / "localhost.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
         certificate.with_suffix(".key"), "-out", certificate],
        check=True, capture_output=True)
    return certificate


def start(certificate: Path) -> tuple[Any, Counts, dict[str, list[int]]]:
    """The process, its counters, and its ports by kind."""
    counts = Counts()
    sockets = {"plain": [bind() for _ in range(PLAIN)], "tls": [bind()], "refusing": [bind()], "aws": [bind()]}
    ports = {kind: [one.getsockname()[1] for one in group] for kind, group in sockets.items()}

    def serve() -> None:
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        asyncio.run(Servers(counts).run(sockets, certificate))

    process = multiprocessing.get_context("fork").Process(target=serve, daemon=True)
    process.start()
    for one in [one for group in sockets.values() for one in group]:
        one.close()
    return process, counts, ports
