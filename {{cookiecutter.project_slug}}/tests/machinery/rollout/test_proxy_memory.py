"""Whoever has no right key cannot make the proxy keep what he sends."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import psutil
import pytest
from rollout.served import KEY, Client

from lifecycle.core.params import Params
from lifecycle.rollout.proxy_guards import UNASKED_BYTES

CONNECTIONS, MEGABYTE = 300, 1024 * 1024
# Bodies of 300 connections are 300 MB, and took 469 MB as long as they were kept.
ALLOWED = 64 * MEGABYTE
HEADS = {
    "a wrong key": "POST /v1/predict HTTP/1.1\r\nX-API-Key: wrong\r\nContent-Length: {size}",
    "a wrong key, in chunks": (
        "POST /v1/predict HTTP/1.1\r\nX-API-Key: wrong\r\nTransfer-Encoding: chunked"
    ),
    "no key": "POST /v1/predict HTTP/1.1\r\nContent-Length: {size}",
    "a wrong key, another route": (
        "GET /v1/model HTTP/1.1\r\nX-API-Key: wrong\r\nContent-Length: {size}"
    ),
    "a wrong key, another route, in chunks": (
        "PUT /docs.json HTTP/1.1\r\nX-API-Key: wrong\r\nTransfer-Encoding: chunked"
    ),
    "a probe": "GET /readyz HTTP/1.1\r\nContent-Length: {size}",
}


def proxy_process() -> psutil.Process:
    """Return the one proxy that these tests run."""
    (found,) = [one for one in psutil.Process().children() if one.name() == "caddy"]
    return found


async def one_client(port: int, head: str, size: int, done: asyncio.Event) -> bytes:
    """Send all of a body but its end, and hold the connection until `done`; return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with suppress(ConnectionError):
        writer.write(f"{head.format(size=size)}\r\nHost: x\r\n".encode())
        writer.write(b"Content-Type: application/json\r\n\r\n")
        if "chunked" in head:
            writer.write(f"{size:x}\r\n".encode())
        writer.write(b" " * (size - 1))
        reading = asyncio.create_task(reader.read(4096))
        await writer.drain()
        answer = await reading
    await done.wait()
    writer.close()
    return answer


async def held(port: int, head: str, size: int) -> tuple[int, list[bytes]]:
    """Return the most memory that the proxy had with all connections open, and the answers."""
    proxy, done, most = proxy_process(), asyncio.Event(), 0
    clients = [asyncio.create_task(one_client(port, head, size, done)) for _ in range(CONNECTIONS)]

    quiet = 0
    # Until nothing has grown for a second: by then everything that fits has been sent.
    while quiet < 50:
        await asyncio.sleep(0.02)
        now = proxy.memory_info().rss
        quiet = 0 if now > most else quiet + 1
        most = max(most, now)
    done.set()
    answers = await asyncio.gather(*clients)
    return most, list(answers)


@pytest.mark.parametrize("kind", HEADS)
def test_connections_without_a_right_key_take_no_memory(
    service_port: int, real_params: Params, kind: str, good: dict[str, Any]
) -> None:
    before = proxy_process().memory_info().rss
    size = real_params.serve.maximum_body_bytes
    most, answers = asyncio.run(held(service_port, HEADS[kind], size))
    print(f"{kind}: {before / MEGABYTE:.0f} MB, then {most / MEGABYTE:.0f} MB")
    assert most - before < ALLOWED
    statuses = {answer.split(b" ")[1] for answer in answers if answer}
    # 503: so many at once are more than one worker answers in time, on a busy machine.
    assert statuses <= {b"200", b"401", b"413", b"408", b"503"}


def test_a_wrong_key_is_refused_before_its_body_is_there(
    service_port: int, real_params: Params
) -> None:
    """Of so long a body nothing is waited for; one that is shorter is read, and thrown away."""

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", service_port)
        head = HEADS["a wrong key"].format(size=real_params.serve.maximum_body_bytes)
        writer.write(f"{head}\r\nHost: x\r\nContent-Type: application/json\r\n\r\n".encode())
        async with asyncio.timeout(4):
            answer = await reader.read(4096)
        writer.close()
        return answer

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 401 ")


def test_a_long_body_with_a_right_key_is_answered_as_ever(
    service_port: int, good: dict[str, Any], real_params: Params
) -> None:
    client = Client(service_port)
    short = client.ask(json.dumps(good).encode())
    long = {"records": good["records"] * 100}
    content = json.dumps(long).encode()
    assert UNASKED_BYTES < len(content) < real_params.serve.maximum_body_bytes
    status, answer, _ = client.ask(content)
    assert (status, answer["predictions"]) == (200, short[1]["predictions"] * 100)
    status, answer, _ = client.ask(content, X_API_Key="wrong")
    assert (status, answer["error"]) == (401, "missing or wrong API key: send it as X-API-Key")
    status, answer, _ = client.ask(content, X_API_Key="", Authorization=f"Bearer {KEY}")
    assert status == 401
    status, answer, _ = client.ask(content)
    assert status == 200
