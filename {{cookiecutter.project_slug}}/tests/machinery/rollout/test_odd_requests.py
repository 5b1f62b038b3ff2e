"""Whatever a client asks for, a refusal has one form, through the proxy too."""

from __future__ import annotations

import json
import socket

import pytest
from rollout.served import KEY

from lifecycle.serving.entrance import DOCUMENTS, MODEL, PAGE, PREDICT

UNSAFE = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
UNKNOWN = ("M-SEARCH", "BREW", "post", "get", "PRI", "PROPFIND", "X" * 50)
SOCKET = (
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def asked(port: int, method: str, path: str, more: str = "") -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer to a request without a body."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n{more}"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        found = b""
        while b"\r\n\r\n" not in found:
            found += line.recv(65536)
        begun, _, body = found.partition(b"\r\n\r\n")
        first, *lines = begun.decode().split("\r\n")
        headers = {key.lower(): value for key, _, value in (one.partition(": ") for one in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += line.recv(65536)
    return int(first.split()[1]), headers, body


def require_form(headers: dict[str, str], body: bytes) -> None:
    refusal = json.loads(body)
    assert headers["content-type"] == "application/json"
    assert set(refusal) == {"error", "details", "request_id"}
    assert refusal["request_id"] == headers["x-request-id"]


@pytest.mark.parametrize("path", [PREDICT, MODEL, PAGE, *DOCUMENTS])
def test_another_method_is_refused_in_one_form(service_port: int, path: str) -> None:
    others = ("GET",) if path == PREDICT else ("POST",)
    for method in (*UNSAFE, *UNKNOWN, *others):
        status, headers, body = asked(service_port, method, path)
        assert (status, headers.get("allow")) == (
            405, "POST" if path == PREDICT else "GET, HEAD"
        ), (method, body)  # fmt: skip
        require_form(headers, body)


@pytest.mark.parametrize("path", [PREDICT, MODEL, PAGE, *DOCUMENTS])
@pytest.mark.parametrize("name", ["websocket", "WebSocket", "h2c, websocket"])
def test_there_are_no_websockets(service_port: int, path: str, name: str) -> None:
    more = f"{SOCKET}Upgrade: {name}\r\n"
    status, headers, body = asked(service_port, "GET", path, more)
    assert status == 400, body
    require_form(headers, body)


def test_another_upgrade_is_passed_over(service_port: int) -> None:
    """Some clients offer HTTP/2 with every request."""
    more = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    assert asked(service_port, "GET", MODEL, more)[0] == 200
