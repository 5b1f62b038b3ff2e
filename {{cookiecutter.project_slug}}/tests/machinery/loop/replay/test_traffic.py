"""How rows are cut into requests, and what a service that is not there gives."""

from __future__ import annotations

import socket
import time
from datetime import datetime, timedelta

import polars as pl
import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core.free_port import free_port
from lifecycle.loop.replay import traffic

BEGIN = datetime.fromisoformat("2013-02-01 05:15")


def rows(*minutes: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "at": [BEGIN + timedelta(minutes=m) for m in minutes],
            "number": list(range(len(minutes))),
        },
        schema={"at": pl.Datetime("us"), "number": pl.Int64},
    )


@pytest.mark.parametrize(
    ("minutes", "size", "parts"),
    [
        ((0, 10, 20), 5, [(0, 3)]),
        # No more than so many, and of one hour: 5:15 and 6:00 are not asked for together.
        ((0, 10, 20), 2, [(0, 2), (2, 3)]),
        ((0, 44, 45, 50), 5, [(0, 2), (2, 4)]),
        ((0,), 1, [(0, 1)]),
        ((), 5, []),
    ],
)
def test_requests_have_rows_of_one_hour(
    minutes: tuple[int, ...], size: int, parts: list[tuple[int, int]]
) -> None:
    assert list(traffic.requests(rows(*minutes), "at", size)) == parts


def test_records_are_what_json_can_say() -> None:
    assert traffic.records(rows(0)) == [{"at": "2013-02-01T05:15:00", "number": 0}]


def test_a_service_that_is_not_there_is_said_to_be() -> None:
    port = free_port()
    with pytest.raises(StageError, match=rf"127\.0\.0\.1:{port} does not answer"):
        traffic.Traffic(f"http://127.0.0.1:{port}", 2, None).send(rows(0, 1), "at", 1)


def test_requests_keep_to_the_rate() -> None:
    sender, began = traffic.Traffic("http://127.0.0.1:1", 1, 50.0), time.monotonic()
    for _ in range(10):
        sender._wait()
    assert time.monotonic() - began >= 0.19


def test_a_free_port_has_a_free_one_above_it() -> None:
    port = free_port()
    for number in (port, port + 1):
        with socket.socket() as one:
            one.bind(("127.0.0.1", number))
