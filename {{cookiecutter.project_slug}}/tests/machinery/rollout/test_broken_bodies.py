"""A body that cannot be read is its client's mistake: refused at once, and nobody else waits.

Against a real worker behind the real proxy, while others ask; written byte by byte, as no client
library would.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rollout.served import KEY, Client, behind_the_proxy

from lifecycle.core.params import Params
from lifecycle.rollout.proxy_guards import UNASKED_BYTES

CLIENTS, SECONDS, LONGEST, ATTEMPTS = 8, 3.0, 0.5, 3
CHUNKED = "Transfer-Encoding: chunked"
# The header that says how the body ends, and a body that does not keep to it.
BROKEN: dict[str, tuple[str, bytes]] = {
    "a negative length": (CHUNKED, b"-5\r\nabc"),
    "no length": (CHUNKED, b"\r\nabc\r\n"),
    "a length that is none": (CHUNKED, b"zz\r\n"),
    "a length of too many digits": (CHUNKED, b"f" * 17 + b"\r\nabc"),
    "a length without an end": (CHUNKED, b"1" * 5000),
    "a line without a carriage return": (CHUNKED, b"3\nabc\n0\n\n-"),
    "no line end after a chunk": (CHUNKED, b"3\r\nabcd\r\n0\r\n\r\n"),
    "a good chunk before a bad one": (CHUNKED, b'e\r\n{"records":[]}\r\n-1\r\n'),
    "a trailer that is none": (CHUNKED, b"2\r\n{}\r\n0\r\nno trailer\r\n\r\n"),
    "a large chunk before a bad one": (CHUNKED, b"20000\r\n" + b" " * 0x20000 + b"\r\n-1\r\n"),
}
# The client says that it will send no more, and waits for the answer.
CUT_OFF: dict[str, tuple[str, bytes]] = {
    "less than its length": ("Content-Length: 1000", b'{"records":['),
    "nothing of its length": ("Content-Length: 1000", b""),
    "half a chunk": (CHUNKED, b"ff\r\n{"),
    "no last chunk": (CHUNKED, b"2\r\n{}\r\n"),
    "no chunk": (CHUNKED, b""),
}
METHODS = {"POST": "/v1/predict", "GET": "/v1/model"}


def sent(port: int, kind: str, method: str = "POST") -> tuple[bytes, float]:
    """Send a body that is broken in one way; return the answer and the seconds it took."""
    header, body = {**BROKEN, **CUT_OFF}[kind]
    head = (
        f"{method} {METHODS[method]} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\n{header}\r\n\r\n"
    )
    found, began = b"", time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(head.encode() + body)
        if kind in CUT_OFF:
            line.shutdown(socket.SHUT_WR)
        try:
            while part := line.recv(65536):
                found += part
                # One that is kept open after a whole answer.
                if found.count(b"\r\n\r\n") and found.endswith(b"}"):
                    break
        except ConnectionResetError:
            pass
    return found, time.perf_counter() - began


@contextmanager
def many(port: int, kind: str) -> Iterator[None]:
    """Let several clients send such bodies all the time."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.01):
            sent(port, kind)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(CLIENTS)]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        stop.set()
        for one in threads:
            one.join()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [*BROKEN, *CUT_OFF])
def test_a_broken_body_is_refused_at_once(service_port: int, kind: str, method: str) -> None:
    """Where none is wanted, the answer may be there before the body has been looked at."""
    answer, took = sent(service_port, kind, method)
    head, _, body = answer.partition(b"\r\n\r\n")
    allowed = (b"400",) if method == "POST" else (b"400", b"200", b"413")
    assert head.split(b" ", 2)[1] in allowed, (took, answer)
    assert took < 1, took
    if not head.startswith(b"HTTP/1.1 400 "):
        return
    refusal = json.loads(body)
    assert set(refusal) == {"error", "details", "request_id"}
    assert refusal["error"] and refusal["request_id"].encode() in head


@pytest.mark.parametrize("kind", [*BROKEN, *CUT_OFF])
def test_nobody_waits_for_a_broken_body(service_port: int, kind: str, good: dict[str, Any]) -> None:
    """What is slow only because the machine is busy is fast when asked again."""
    client, body = Client(service_port), json.dumps(good).encode()
    for _ in range(ATTEMPTS):
        longest, count, until = 0.0, 0, time.monotonic() + SECONDS / ATTEMPTS
        with many(service_port, kind):
            while time.monotonic() < until:
                status, _, took = client.ask(body)
                assert status == 200
                longest, count = max(longest, took), count + 1
        if longest < LONGEST:
            break
    print(f"{kind}: {count} asked, {longest:.3f} s the longest")
    assert longest < LONGEST


class Worker(BaseHTTPRequestHandler):
    """A worker that hangs up on the first request of each method."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[dict[str, list[bytes]]]

    def answer(self, body: bytes) -> None:
        bodies = self.asked.setdefault(self.command, [])
        bodies.append(body)
        self.close_connection = len(bodies) == 1
        if len(bodies) > 1:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        length, body = self.headers.get("Content-Length"), b""
        if length is not None:
            body = self.rfile.read(int(length))
        else:
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size + 2)[:size]
            self.rfile.readline()
        self.answer(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("length", [20, UNASKED_BYTES - 1, UNASKED_BYTES + 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_whole_body_is_asked_for_again_and_answered_once(
    real_params: Params, tmp_path: Path, length: int, chunked: bool
) -> None:
    """It is not the body's fault that the worker hung up, also where the key was asked about."""

    class Once(Worker):
        asked: ClassVar[dict[str, list[bytes]]] = {}

    body = b'{"records":[]}'.ljust(length)
    with ThreadingHTTPServer(("127.0.0.1", 0), Once) as worker:
        threading.Thread(target=worker.serve_forever, daemon=True).start()
        with behind_the_proxy(real_params, worker.server_port, tmp_path) as port:
            given = iter([body[:5], body[5:]]) if chunked else body
            status, _, _ = Client(port).ask(given)
        worker.shutdown()
    assert (status, Once.asked["POST"]) == (200, [body, body])
    assert len(Once.asked.get("GET", ())) == (2 if chunked or length > UNASKED_BYTES else 0)
