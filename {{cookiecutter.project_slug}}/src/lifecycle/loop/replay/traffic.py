"""Traffic: real rows, sent to the running service over a few connections, and what it answered."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome.outcome import Outcome
from lifecycle.core.direct_http import Connection
from lifecycle.serving.entrance import PREDICT

OK = 200
ANSWER_SECONDS = 60.0


@dataclass
class Answers:
    """What came back, row by row in the order that was sent; None where a request was refused."""

    answers: list[dict[str, Any] | None]
    versions: list[str | None]
    statuses: Counter[int] = field(default_factory=Counter)

    def as_frame(self, outcome: Outcome) -> pl.DataFrame:
        """Return a row for each row sent: its scores, as files have them, and `version`."""
        found = [None if one is None else outcome.of_answer(one) for one in self.answers]
        kind = pl.List(pl.Float64) if outcome.score.type == "floats" else pl.Float64
        return pl.DataFrame(
            {outcome.score.name: found, "version": self.versions},
            schema={outcome.score.name: kind, "version": pl.String},
        )


def requests(rows: pl.DataFrame, time_column: str, size: int) -> Iterator[tuple[int, int]]:
    """Yield (first, past the last) of the rows of each request: of one hour, and at most `size`."""
    hours = rows[time_column].dt.truncate("1h").to_list()
    begin = 0
    for row in range(1, len(hours) + 1):
        if row == len(hours) or hours[row] != hours[begin] or row - begin == size:
            yield begin, row
            begin = row


def records(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rows as the service wants them."""
    return [
        {name: value.isoformat() if hasattr(value, "isoformat") else value
         for name, value in row.items()}
        for row in rows.to_dicts()
    ]  # fmt: skip


class Traffic:
    """Sends rows to a service: at `rate` requests a second, which may change, or at full speed."""

    def __init__(self, url: str, connections: int, rate: float | None) -> None:
        """Connect nothing yet."""
        self._url, self._connections, self.rate = url, connections, rate
        self._local, self._turn, self._due = threading.local(), threading.Lock(), 0.0

    def send(self, rows: pl.DataFrame, time_column: str, size: int) -> Answers:
        """Send `rows` (the request's columns, in the order of time) and return the answers."""
        found = Answers([None] * rows.height, [None] * rows.height)
        everything = records(rows)

        def one(part: tuple[int, int]) -> None:
            self._wait()
            status, body = self._ask({"records": everything[slice(*part)]})
            with self._turn:
                found.statuses[status] += 1
            if status == OK:
                for row, each in enumerate(body["predictions"], part[0]):
                    found.answers[row] = each
                    found.versions[row] = body["model_version"]

        with ThreadPoolExecutor(self._connections) as pool:
            # Asking for the results lets an error in a thread come up.
            list(pool.map(one, requests(rows, time_column, size)))
        return found

    def _wait(self) -> None:
        """Keep to the rate."""
        if self.rate is None:
            return
        with self._turn:
            self._due = max(self._due, time.monotonic()) + 1 / self.rate
            due = self._due
        time.sleep(max(0.0, due - time.monotonic()))

    def _ask(self, body: dict[str, Sequence[Any]]) -> tuple[int, Any]:
        content = json.dumps(body)
        if not hasattr(self._local, "line"):
            self._local.line = Connection(self._url, ANSWER_SECONDS)
        headers = {"Content-Type": "application/json"}
        for attempt in (1, 2):
            try:
                status, said = self._local.line.ask("POST", PREDICT, content, headers)
                return status, json.loads(said) if status == OK else None
            except OSError as error:
                # A connection that was idle may have been closed: once more, on a new one.
                if attempt == 2:
                    raise StageError(f"{self._url} does not answer: {error!r}") from None
        raise AssertionError("unreachable")
