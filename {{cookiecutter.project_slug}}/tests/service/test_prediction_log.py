"""What was answered is in the log: after a crash all but the last unflushed second, else all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from service.workers import ROOT, Worker, make_home, start
from waiting import wait_for

from lifecycle.contract.columns import Schema
from lifecycle.contract.operations import PredictionLog
from lifecycle.monitoring.predictions import Log, read
from lifecycle.serving.prediction_log import CLOSED, OPEN, LogFile, Writer, close_left_open

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


def writer(folder: Path, lost: list[int], **settings: Any) -> Writer:
    values = {**SETTINGS, "flush_seconds": 0.02, **settings}
    return Writer(folder, PredictionLog(**values), lost.append)


@pytest.mark.parametrize("settings", [{"rotate_bytes": 100}, {"rotate_seconds": 1}])
def test_a_file_is_closed_at_its_size_or_age(tmp_path: Path, settings: dict[str, int]) -> None:
    lost: list[int] = []
    log = writer(tmp_path, lost, **settings)
    log.add(b"x" * 101)
    wait_for(lambda: list(tmp_path.glob(f"*{CLOSED}")))
    wait_for(lambda: not list(tmp_path.glob(f"*{OPEN}")))
    log.add(b"y")
    wait_for(lambda: list(tmp_path.glob(f"*{OPEN}")))
    log.close()
    contents = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert contents == [b"x" * 101 + b"\n", b"y\n"] and not lost


def test_no_line_no_file(tmp_path: Path) -> None:
    writer(tmp_path, []).close()
    assert not list(tmp_path.iterdir())


def test_a_file_in_use_is_not_closed_by_another(tmp_path: Path) -> None:
    used = LogFile(tmp_path)
    used.write(b"{}\n")
    assert close_left_open(tmp_path) == 0
    used.close()
    assert [path.name for path in tmp_path.iterdir()] == [
        used.path.name.removesuffix(OPEN) + CLOSED
    ]


def test_a_folder_that_cannot_be_written_is_said_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "log"
    lost: list[int] = []
    folder.write_text("in the way")
    log = writer(folder, lost)
    for _ in range(3):
        before = len(lost)
        log.add(b"lost")
        wait_for(lambda before=before: len(lost) > before)
    assert sum(lost) == 3
    assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1
    folder.unlink()
    log.add(b"kept")
    log.close()
    assert [path.read_bytes() for path in folder.iterdir()] == [b"kept\n"] and sum(lost) == 3


FULL_DISK = """
import resource, sys, time
from pathlib import Path
from lifecycle.contract.operations import PredictionLog
from lifecycle.serving.prediction_log import Writer

lost = []
folder = Path(sys.argv[1])
log = Writer(folder, PredictionLog(flush_seconds=0.02, rotate_bytes=10**6, rotate_seconds=60,
                                   keep_days=1), lost.append)
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
for _ in range(5):
    log.add(b"x" * 99)
while not lost:
    time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.add(b"after")
log.close()
print(sum(lost))
"""


def test_a_disk_that_was_full_spoils_no_later_line(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "5\n" and done.stderr.count("cannot be written") == 1
    (path,) = tmp_path.iterdir()
    assert path.read_bytes().split(b"\n") == [b"x" * 99, b"x" * 99, b"x" * 50, b"after", b""]


def test_the_memory_for_lines_that_wait_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.serving.prediction_log.WAITING_LINES", 10)
    lost: list[int] = []
    log = writer(tmp_path, lost, flush_seconds=30)
    for _ in range(15):
        log.add(b"line")
    log.close()
    assert sum(lost) == 5
    assert sum(path.read_bytes().count(b"line") for path in tmp_path.iterdir()) == 10
