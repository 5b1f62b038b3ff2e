"""Availability and latency between two looks, whatever was started anew in between."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from lifecycle.core.params import Params
from lifecycle.monitoring.objectives import judge, scrape, since
from lifecycle.monitoring.settings import Monitor


def counted(requests: float, failed: float = 0, slow: float = 0, **more: Any) -> dict[str, Any]:
    """Counters as `scrape` gives them: `slow` of the requests took a second."""
    seconds = {"0.1": requests - slow, "0.25": requests - slow, "1.0": requests, "inf": requests}
    found = {"live": "a:1", "requests": requests, "failed": failed, "log_lines_lost": 0}
    return {**found, "seconds": seconds, **more}


def test_a_first_look_takes_all_there_is() -> None:
    found = since(counted(50, 1), None)
    assert (found["requests"], found["failed"], found["seconds"]["inf"]) == (50, 1, 50)


def test_a_second_look_takes_what_came_since() -> None:
    found = since(counted(80, 3, 10), counted(50, 1))
    assert (found["requests"], found["failed"]) == (30, 2)
    assert (found["seconds"]["1.0"], found["seconds"]["0.1"]) == (30, 20)


def test_what_fell_was_started_anew() -> None:
    assert since(counted(20), counted(50))["requests"] == 20
    worker = {**counted(20), "requests": 90}
    assert since(worker, counted(50))["requests"] == 40
    assert since(worker, counted(50))["seconds"]["inf"] == 20


def test_another_version_counts_from_zero() -> None:
    """Though it has answered more by now than the one before had."""
    found = since(counted(90, live="a:2", log_lines_lost=3), counted(50, log_lines_lost=2))
    assert (found["requests"], found["seconds"]["inf"], found["log_lines_lost"]) == (40, 90, 3)


@pytest.mark.parametrize(
    ("figures", "kinds"),
    [
        (counted(1000, 1, 20), []),
        (counted(1000, 2), ["availability"]),
        (counted(1000, 0, 60), ["latency"]),
        (counted(1000, 0, 0, log_lines_lost=4), ["lost log"]),
        # A few requests are no sign; lost lines are.
        (counted(99, 50, 50), []),
        (counted(0, log_lines_lost=1), ["lost log"]),
    ],
)
def test_what_is_promised(figures: dict[str, Any], kinds: list[str], real_params: Params) -> None:
    found, alerts = judge(figures, real_params.part(Monitor).objectives)
    assert [one.kind for one in alerts] == kinds
    assert bool(found["judged"]) is (figures["requests"] < 100)


def test_the_metrics_are_asked_of_this_machine_whatever_the_proxies_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(OSError, match=r"^/metrics was answered 503$"):
                scrape(server.server_port)
        finally:
            server.shutdown()
