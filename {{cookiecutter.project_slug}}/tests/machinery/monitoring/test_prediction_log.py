"""What was answered is read: after a crash all but the last unflushed second, else all."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from workers import Worker, make_home, start

from lifecycle.contract.columns import Schema
from lifecycle.monitoring.predictions import Log, read
from lifecycle.serving.prediction_log import OPEN, close_left_open

FLUSH_SECONDS, MARGIN_SECONDS = 0.5, 0.4
SETTINGS = {
    "flush_seconds": FLUSH_SECONDS, "rotate_bytes": 10**9, "rotate_seconds": 3600, "keep_days": 1,
}  # fmt: skip
CLIENTS = 4


@pytest.fixture
def worker(
    release: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """A worker that logs; its socket's path must be short."""
    home = make_home(release, tmp_path / "home", prediction_log=SETTINGS)
    folder = tmp_path_factory.mktemp("w")
    found = start(home, folder, "a", PREDICTION_LOG=str(tmp_path / "log"))
    try:
        found.wait_until_ready()
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def ask_until_it_dies(
    worker: Worker, records: list[Any], answers: list[tuple[float, Any]]
) -> threading.Thread:
    """Ask one request after the other in a thread; keep each answer and when it came."""

    def ask() -> None:
        line = worker.line()
        try:
            for number in range(1_000_000):
                rows = records[number % 50 : number % 50 + 2]
                status, body = line.ask("/v1/predict", {"records": rows})
                assert status == 200
                answers.append((time.monotonic(), json.loads(body)))
        except (OSError, ValueError, HTTPException):
            return

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def rows_of(answer: Any, schema: Schema) -> set[tuple[str, int, float, bool]]:
    return {
        (answer["request_id"], row, one["probability"], one[schema.target])
        for row, one in enumerate(answer["predictions"])
    }


def logged(log: Log) -> set[Any]:
    return set(log.predictions.select("request_id", "row", "probability", "decision").iter_rows())


def test_a_killed_worker_loses_no_more_than_the_last_unflushed_second(
    worker: Worker, tmp_path: Path, schema: Schema, records: list[Any]
) -> None:
    answers: list[tuple[float, Any]] = []
    threads = [ask_until_it_dies(worker, records, answers) for _ in range(CLIENTS)]
    time.sleep(3 * FLUSH_SECONDS + 0.2)
    killed = time.monotonic()
    worker.process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    folder = tmp_path / "log"
    assert len(list(folder.glob(f"*{OPEN}"))) == 1
    safe = [a for moment, a in answers if moment < killed - FLUSH_SECONDS - MARGIN_SECONDS]
    assert len(safe) > 100
    found = logged(read(folder, schema))
    lost = [answer for answer in safe if not rows_of(answer, schema) <= found]
    assert not lost
    # The next worker, or `make monitor`, closes what the dead one left open.
    assert close_left_open(folder) == 1
    assert not list(folder.glob(f"*{OPEN}"))
    assert logged(read(folder, schema)) == found


def test_a_worker_that_is_told_to_stop_loses_nothing(
    worker: Worker, tmp_path: Path, schema: Schema, records: list[Any]
) -> None:
    answers = [worker.predict(records[:3]) for _ in range(20)]
    explained = json.loads(worker.ask("/v1/predict", {"records": records[:1], "explain": True})[1])
    assert worker.ask("/v1/predict", {"records": [{}]}, X_Request_ID="refused-1")[0] == 400
    assert worker.ask("/v1/predict", b"no JSON")[0] == 400
    worker.process.terminate()
    worker.process.wait()
    folder = tmp_path / "log"
    assert not list(folder.glob(f"*{OPEN}"))
    log = read(folder, schema)
    every = set().union(*(rows_of(answer, schema) for answer in [*answers, explained]))
    assert logged(log) == every and log.torn == log.duplicates == 0
    assert set(log.predictions["variant"]) == {"live"}
    assert set(log.predictions["model_version"]) == {"3"}
    row = log.predictions.filter(request_id=answers[0]["request_id"], row=2).to_dicts()[0]
    for name in schema.request:
        value = row[name].isoformat() if schema[name].type == "datetime" else row[name]
        assert value == records[2][name]
    given = log.predictions.filter(request_id=explained["request_id"])["contributions"][0]
    assert given == pytest.approx(explained["predictions"][0]["contributions"])
    refused = log.refusals.filter(request_id="refused-1").to_dicts()[0]
    assert refused["status"] == 400
    assert refused["fields"] == [f"records.0.{name}" for name in schema.request][:20]
    assert log.refusals["error"].str.contains("no valid JSON").sum() == 1
