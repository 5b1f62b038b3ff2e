"""A constant load of real requests, which counts every answer and every request without one."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit


@dataclass
class Counts:
    """What became of the requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    # Sent, and never answered: the connection could not be made, broke, or said nothing in time.
    lost: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        """How many requests were answered, whatever with."""
        return sum(self.statuses.values())


@dataclass(frozen=True)
class Answer:
    """One answer: when it was sent for and when it came (seconds since 1970), and from whom."""

    sent: float
    came: float
    status: int
    version: str


class Load:
    """Requests at a constant rate over a few connections that are kept open, in a thread."""

    def __init__(
        self,
        url: str,
        bodies: list[bytes],
        *,
        rate: float = 100,
        connections: int = 8,
        wait: bool = False,
        headers: dict[str, str] | None = None,
        seconds: float = 60,
    ) -> None:
        """Keep what is asked; with `wait`, nothing counts until the first answer has come."""
        parts = urlsplit(url)
        self.host, self.port, self.path = parts.hostname or "", parts.port or 80, parts.path
        self.bodies, self.connections, self.seconds = bodies, connections, seconds
        self.pause, self.waiting = connections / rate, wait
        self.headers = dict(headers or {})
        self.counts, self.answers = Counts(), list[Answer]()
        # When those were sent that were lost, and those that are not answered yet, by connection.
        self.losses, self.open = list[float](), dict[int, float]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> "Load":
        """Start the load."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop it when every request that was sent is answered or lost."""
        self._stop.set()
        self._thread.join()

    def quantile(self, share: float, begin: float, end: float) -> float:
        """Return a quantile of the seconds that answers took which were sent in a time."""
        taken = sorted(a.came - a.sent for a in self.answers if begin <= a.sent < end)
        return taken[int(share * (len(taken) - 1))]

    def last_of(self, version: str) -> float:
        """Return when the last request was sent that a version answered."""
        return max(a.sent for a in self.answers if a.version == version)

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(self.connections)))

    async def _client(self, number: int) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        await asyncio.sleep(self.pause * number / self.connections)
        due = time.monotonic()
        chance = random.Random(number)  # noqa: S311
        while not self._stop.is_set():
            # A server may close a connection that is idle. Seen before a request is sent, that
            # loses nothing; a request that was sent and gets no answer is lost.
            if reader is None or reader.at_eof() or reader.exception():
                if writer is not None:
                    writer.close()
                reader = writer = None
            sent = self.open[number] = time.time()
            try:
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection(self.host, self.port)
                # At random: in turns, a proxy that takes turns as well would split them by kind.
                body = chance.choice(self.bodies)
                async with asyncio.timeout(self.seconds):
                    status, closing, content = await self._ask(reader, writer, body)
                self._count(sent, status, content)
                if closing:
                    writer.close()
                    reader = writer = None
            except (OSError, EOFError, TimeoutError) as error:
                if not self.waiting:
                    self.counts.lost += 1
                    self.counts.errors[type(error).__name__] += 1
                    self.losses.append(sent)
                if writer is not None:
                    writer.close()
                reader = writer = None
            del self.open[number]
            due = max(due + self.pause, time.monotonic() - self.pause)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if writer is not None:
            writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
    ) -> tuple[int, bool, bytes]:
        given = {
            "Host": f"{self.host}:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        content = await reader.readexactly(int(found.get("content-length", "0")))
        return int(lines[0].split()[1]), found.get("connection", "").lower() == "close", content

    def _count(self, sent: float, status: int, content: bytes) -> None:
        if self.waiting and status != 200:
            return
        self.waiting = False
        version = str(json.loads(content).get("model_version")) if status == 200 else ""
        self.counts.statuses[status] += 1
        self.counts.versions[version] += 1
        self.answers.append(Answer(sent, time.time(), status, version))
