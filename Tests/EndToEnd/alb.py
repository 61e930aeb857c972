"""A load balancer as the daemon sees it: one address that can be made to fail in every way a probe knows."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time

RESPONSE = (
    "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
)


class Alb:
    """An HTTP server on a free port of 127.0.0.1 whose `mode` can be changed while it runs.

    Modes: `ok` (200 with the body `ok`), `503`, `302` (to a sorry page), `wrong-body`, `slow` (right, after
    `slow_for` seconds), `timeout` (accepts and never answers), `reset` (RST after the request), `refused` (nobody
    listens). The port stays its own while it refuses: the socket is bound but does not listen.
    """

    MODES = ("ok", "503", "302", "wrong-body", "slow", "timeout", "reset", "refused")

    def __init__(self, body: str = "ok") -> None:
        self.body = body
        self.slow_for = 1.0
        #: Whose certificate it shows; None: it speaks plainly.
        self.tls: ssl.SSLContext | None = None
        #: Requests that came, whatever became of them.
        self.hits = 0
        self._mode = "ok"
        self._changed = threading.Condition()
        self._stopped = False
        self._held: list[socket.socket] = []
        self._listener = self._bind(0)
        self.port: int = self._listener.getsockname()[1]
        self._listener.listen(256)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/health"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in self.MODES:
            raise ValueError(f"unknown mode {mode}")
        with self._changed:
            was, self._mode = self._mode, mode
            if mode == "refused" and was != "refused":
                # shutdown wakes the accept; the new socket keeps the port and refuses, since it does not listen.
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = self._bind(self.port)
            elif was == "refused" and mode != "refused":
                self._listener.listen(256)
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            for one in [self._listener, *self._held]:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                one.close()
            self._changed.notify_all()
        self._thread.join(2)

    def __enter__(self) -> Alb:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @staticmethod
    def _bind(port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        return listener

    def _accept(self) -> None:
        while True:
            with self._changed:
                while self._mode == "refused" and not self._stopped:
                    self._changed.wait()
                if self._stopped:
                    return
                listener = self._listener
            try:
                connection, _ = listener.accept()
            except OSError:
                continue  # it was shut down: the mode or the end says why
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(10)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(65_536)
                if not piece:
                    return
                request += piece
            self.hits += 1
            self._answer(connection, head_only=request.startswith(b"HEAD "))
        except OSError:
            pass
        finally:
            connection.close()

    def _answer(self, connection: socket.socket, head_only: bool) -> None:
        mode = self._mode
        if mode == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if mode == "timeout":
            self._held.append(connection)
            connection.settimeout(None)
            connection.recv(1)  # until the client gives up
            return
        if mode == "slow":
            time.sleep(self.slow_for)
        status, body = {
            "503": ("503 Service Unavailable", "no healthy targets"),
            "302": ("302 Found\r\nLocation: http://sorry.invalid/", ""),
            "wrong-body": ("200 OK", "under maintenance"),
        }.get(mode, ("200 OK", self.body))
        text = RESPONSE.format(status=status, length=len(body), body="" if head_only else body)
        connection.sendall(text.encode())
