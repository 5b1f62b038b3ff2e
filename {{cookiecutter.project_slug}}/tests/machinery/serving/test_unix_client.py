"""The client that copies go out with: whole answers, and an OSError for everything else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lifecycle.serving.unix_client import Connection, connect

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


def talk(tmp_path: Path, server: Talk, ask: Callable[[Connection], Awaitable[object]]) -> object:
    """Connect to `server` on a unix socket and return what `ask` returns."""

    async def together() -> object:
        place = str(tmp_path / "s")
        async with await asyncio.start_unix_server(server, place):
            connection = await connect(place)
            try:
                async with asyncio.timeout(10):
                    return await ask(connection)
            finally:
                connection.close()

    return asyncio.run(together())


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


async def post(connection: Connection) -> tuple[int, bytes]:
    return await connection.post("/v1/predict", [(b"x-request-id", b"7")], b"{}")


def test_requests_follow_each_other_on_one_connection(tmp_path: Path) -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (OK, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"):
            seen.append(await read_request(reader))
            # In pieces, as a network may deliver it.
            for piece in (answer[:9], answer[9:30], answer[30:]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)

    async def ask(connection: Connection) -> list[tuple[int, bytes]]:
        return [await post(connection), await post(connection)]

    assert talk(tmp_path, server, ask) == [(200, b"fine"), (503, b"")]
    assert len(seen) == 2
    assert seen[0][0].startswith(b"POST /v1/predict HTTP/1.1\r\n")
    assert b"x-request-id: 7\r\n" in seen[0][0] and seen[0][1] == b"{}"


def test_an_answer_in_chunks_is_put_together(tmp_path: Path) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n")

    assert talk(tmp_path, server, post) == (200, b"fine")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfi",
                                    b"nonsense\r\n\r\n"])  # fmt: skip
def test_what_is_no_whole_answer_is_an_error(tmp_path: Path, answer: bytes) -> None:
    """Nothing, half of it, or no HTTP: whoever waits is told, and does not wait for ever."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    # Not TimeoutError, which is an OSError as well.
    with pytest.raises(ConnectionError):
        talk(tmp_path, server, post)


def test_a_closed_connection_says_so_at_once(tmp_path: Path) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def ask(connection: Connection) -> object:
        while connection.is_open:
            await asyncio.sleep(0.01)
        return await post(connection)

    with pytest.raises(ConnectionResetError, match="the connection is closed"):
        talk(tmp_path, server, ask)


def test_what_nobody_asked_for_closes_the_connection(tmp_path: Path) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()

    async def ask(connection: Connection) -> bool:
        while connection.is_open:
            await asyncio.sleep(0.01)
        return connection.is_open

    assert talk(tmp_path, server, ask) is False


def test_without_a_socket_there_is_no_connection(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(connect(str(tmp_path / "none")))


def test_a_long_path_is_reached_from_near_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address has room for 107 characters, wherever the project's folder is."""
    far = tmp_path / ("x" * 120)
    far.mkdir()
    monkeypatch.chdir(far)

    async def together() -> bool:
        async with await asyncio.start_unix_server(lambda *_: None, "s"):
            connection = await connect(str(far / "s"))
            connection.close()
            return True

    assert asyncio.run(together())
