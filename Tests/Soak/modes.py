"""What the soak's targets do at which moment. Every target has its own turn, so that at any moment most serve and every
kind of failure happens somewhere."""

from __future__ import annotations

#: Seconds a target serves between two of its failures, and how long each of these lasts.
SERVES, FAILS = 9.0, 3.0

#: How a load balancer fails, one after the other. Two more ways belong to ports and not to answers: refused and TLS.
FAILURES = ("503", "302", "wrong-body", "reset", "timeout", "slow", "truncated", "huge", "garbage")

#: Bytes of a healthy body, and of one that is longer than a probe reads.
HEALTHY, HUGE = 2, 200_000


def failure(number: int, seconds: float) -> str:
    """How target `number` fails now; `ok` when it serves."""
    round_, moment = divmod(seconds + number * 1.7, SERVES + FAILS)
    return "ok" if moment < SERVES else FAILURES[(int(round_) + number) % len(FAILURES)]


def answer(mode: str) -> bytes:
    """Head and body for a mode that answers at all."""
    status, body, length = {
        "ok": ("200 OK", b"ok", None),
        "slow": ("200 OK", b"ok", None),
        "503": ("503 Service Unavailable", b"no healthy targets", None),
        "302": ("302 Found\r\nLocation: http://127.0.0.1:9/", b"", None),
        "wrong-body": ("200 OK", b"under maintenance", None),
        "truncated": ("200 OK", b"o", 4711),
        "huge": ("200 OK", b"-" * HUGE, None),
    }[mode]
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode() + body


ANSWERS = {mode: answer(mode) for mode in ("ok", "slow", "503", "302", "wrong-body", "truncated", "huge")}
ANSWERS["garbage"] = b"\x16\x03\x01 SSH-2.0 \x1b[2J\r\n" * 20
