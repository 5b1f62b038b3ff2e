"""HTTP to what runs on this machine: straight there, whatever proxy the environment names."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit


class Connection(http.client.HTTPConnection):
    """A connection that is kept, to an http address or to a unix socket; opened when it is used."""

    def __init__(self, address: str, seconds: float) -> None:
        """Connect nothing yet; `address` is a URL, or the path of a socket as the system takes it.

        Each step of a request may take so many `seconds`.
        """
        self._path = None if "://" in address else address
        parts = urlsplit(address if self._path is None else "http://localhost")
        super().__init__(parts.hostname or "", parts.port or 80, timeout=seconds)

    def connect(self) -> None:
        """Open it."""
        if self._path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def ask(
        self, method: str, path: str, body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:  # fmt: skip
        """Send one request and return status and body; the next one may follow.

        Raises:
            OSError: there is no whole answer; the connection is closed, the next request opens it.
        """
        try:
            content = body.encode() if isinstance(body, str) else body
            self.request(method, path, content, headers or {})
            answer = self.getresponse()
            return answer.status, answer.read()
        except OSError:
            self.close()
            raise
        except http.client.HTTPException as error:
            self.close()
            raise OSError(f"no whole answer ({error!r})") from None


def ask(
    address: str, path: str, seconds: float, body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:  # fmt: skip
    """Send one request over a connection of its own (POST where there is a `body`).

    Raises:
        OSError: there is no whole answer.
    """
    line = Connection(address, seconds)
    try:
        return line.ask("GET" if body is None else "POST", path, body, headers)
    finally:
        line.close()
