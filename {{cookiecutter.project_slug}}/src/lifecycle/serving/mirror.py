"""The mirror: the candidate gets copies of live requests; its answers are compared, not returned.

The live worker hands over what it has answered and goes on; a few tasks send the copies. When the
candidate cannot keep up, copies are dropped and counted: nobody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from lifecycle.contract.outcome.answer import decision, differs
from lifecycle.contract.outcome.outcome import Outcome
from lifecycle.serving.entrance import PREDICT
from lifecycle.serving.instruments import Instruments
from lifecycle.serving.predictor import Release
from lifecycle.serving.routing import SHADOW, VARIANT_HEADER, Shadow
from lifecycle.serving.unix_client import Connection, connect

SENDERS = 2
WAITING_COPIES, WAITING_BYTES = 500, 8_000_000
FORWARDED = (b"x-api-key", b"authorization")


class Copy(NamedTuple):
    """A request as it came, and what was decided on each of its rows."""

    candidate: Shadow
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    decisions: Sequence[Mapping[str, Any]]


class Mirror:
    """Sends copies and counts how the candidate's decisions differ."""

    def __init__(self, instruments: Instruments, outcome: Outcome, release: Release) -> None:
        """Send nothing yet."""
        self._instruments, self._seconds = instruments, release.timeout_seconds
        self._outcome, self._release = outcome, release
        self._waiting: deque[Copy] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._senders: list[asyncio.Task[None]] = []

    def offer(
        self,
        candidate: Shadow,
        body: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        identity: str,
        decisions: Sequence[Mapping[str, Any]],
    ) -> None:
        """Take a copy of an answered request; never waits."""
        if candidate.share < 1 and random.random() >= candidate.share:  # noqa: S311
            return
        if len(self._waiting) >= WAITING_COPIES or self._bytes + len(body) > WAITING_BYTES:
            self._instruments.shadow_dropped.labels(candidate.name).inc(len(decisions))
            return
        own = (
            (b"x-request-id", identity.encode()),
            (VARIANT_HEADER.encode(), SHADOW.encode()),
        )
        forwarded = [header for header in headers if header[0] in FORWARDED]
        self._waiting.append(Copy(candidate, body, (*own, *forwarded), decisions))
        self._bytes += len(body)
        if not self._senders:
            self._senders = [asyncio.create_task(self._send()) for _ in range(SENDERS)]
        self._wake.set()

    async def close(self) -> None:
        """Stop sending; what waits is not sent."""
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        self._senders = []

    async def _send(self) -> None:
        line = Line()
        try:
            while True:
                while not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                copy = self._waiting.popleft()
                self._bytes -= len(copy.body)
                await self._compare(line, copy)
        finally:
            line.close()

    async def _compare(self, line: Line, copy: Copy) -> None:
        """Ask the candidate, and count what came of it."""
        name, rows = copy.candidate.name, len(copy.decisions)
        try:
            async with asyncio.timeout(self._seconds):
                status, body = await line.post(copy)
            decisions = _decisions(body) if status == 200 else None
        except (OSError, TimeoutError, ValueError, KeyError, TypeError):
            decisions = None
        if decisions is None or len(decisions) != rows:
            line.close()
            self._instruments.shadow_failed.labels(name).inc(rows)
            return
        changed = sum(
            differs(self._outcome, self._release, a, b)
            for a, b in zip(copy.decisions, decisions, strict=True)
        )
        self._instruments.shadow_rows.labels(name).inc(rows)
        self._instruments.shadow_changed.labels(name).inc(changed)


def _decisions(body: bytes) -> list[dict[str, Any]]:
    return [decision(one) for one in orjson.loads(body)["predictions"]]


class Line:
    """A kept connection to whoever is the candidate."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._socket = ""
        self._connection: Connection | None = None

    async def post(self, copy: Copy) -> tuple[int, bytes]:
        """Send a copy, on the kept connection where it still stands."""
        if copy.candidate.socket == self._socket and self._connection is not None:
            # The candidate closes a connection that idles, perhaps while we write: ask again.
            with contextlib.suppress(OSError):
                return await self._connection.post(PREDICT, copy.headers, copy.body)
        self.close()
        self._connection = await connect(copy.candidate.socket)
        self._socket = copy.candidate.socket
        return await self._connection.post(PREDICT, copy.headers, copy.body)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
