"""What runs on this machine is asked straight, and an answer is whole or none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lifecycle.core import direct_http

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(door: socket.socket, *answers: bytes) -> Iterator[None]:
    """Answer one request a connection, and close it."""

    def serve() -> None:
        for answer in answers:
            line, _ = door.accept()
            with line:
                line.recv(65536)
                line.sendall(answer)

    with door:
        door.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(10)


def tcp() -> tuple[socket.socket, str]:
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    return door, f"http://127.0.0.1:{door.getsockname()[1]}"


def test_no_proxy_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    door, address = tcp()
    with server(door, OK, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"):
        assert direct_http.ask(address, "/metrics", 5) == (200, b"ok")
        assert direct_http.ask(address, "/metrics", 5, "{}") == (503, b"")


def test_a_socket_with_a_name_is_asked_alike(tmp_path: Path) -> None:
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(tmp_path / "s"))
    with server(door, OK):
        assert direct_http.ask(str(tmp_path / "s"), "/readyz", 5) == (200, b"ok")


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0 hello\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"]
)
def test_half_an_answer_is_none_and_the_next_request_connects_again(answer: bytes) -> None:
    door, address = tcp()
    with server(door, answer, OK), closing(direct_http.Connection(address, 5)) as line:
        with pytest.raises(OSError):
            line.ask("GET", "/")
        assert line.ask("GET", "/") == (200, b"ok")


def test_nobody_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    door, address = tcp()
    door.close()
    for there in (address, str(tmp_path / "none")):
        with pytest.raises(OSError):
            direct_http.ask(there, "/", 5)
