"""The least of an HTTP client: one kept connection to a unix socket, one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import httptools

from lifecycle.serving.socket_path import reach


class Connection(asyncio.Protocol):
    """A connection and the answer that it waits for."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self.is_open = False
        self._transport: Any = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser: Any = None
        self._body = bytearray()

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport, self.is_open = transport, True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever waits know."""
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed without an answer"))

    def data_received(self, data: bytes) -> None:
        """Hand on what arrived."""
        try:
            self._parser.feed_data(data)
        except (AttributeError, httptools.HttpParserError):
            # Nothing was asked, or this is no HTTP.
            self._transport.abort()

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the answer (called by the parser, as the next one is)."""
        self._body += body

    def on_message_complete(self) -> None:
        """Hand the answer to whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), bytes(self._body)))

    async def post(
        self, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, bytes]:
        """Post JSON and return (status, body).

        Raises:
            OSError: the connection is gone.
        """
        self._parser, self._body = httptools.HttpResponseParser(self), bytearray()
        self._answer = asyncio.get_running_loop().create_future()
        lines = [
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n".encode(),
            *(b"%s: %s\r\n" % header for header in headers),
            b"\r\n",
        ]
        if not self.is_open:
            raise ConnectionResetError("the connection is closed")
        self._transport.write(b"".join(lines) + body)
        return await self._answer

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


async def connect(socket: str) -> Connection:
    """Open a connection to the unix socket `socket`."""
    loop = asyncio.get_running_loop()
    return (await loop.create_unix_connection(Connection, reach(socket)))[1]
