"""The candidate gets copies, its answers are compared, and nothing it does makes anybody wait."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import prometheus_client
import pytest
from waiting import wait_for
from workers import Worker, make_home, sample_of, start

from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.outcome.binary import Binary
from lifecycle.serving import mirror
from lifecycle.serving.instruments import Instruments
from lifecycle.serving.mirror import Mirror
from lifecycle.serving.routing import Shadow

LIVE, CANDIDATE = "1-live", "2-candidate"
# No decision is false here, so that all those of live that are differ.
EVERYTHING = 0.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("m")


@pytest.fixture(scope="module")
def workers(
    release: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Worker, Worker]]:
    """The live worker and a candidate that decides otherwise."""
    place = tmp_path_factory.mktemp("homes")
    logs = {name: str(place / name / "log") for name in (LIVE, CANDIDATE)}
    homes = [
        make_home(release, place / LIVE / "src", timeout_seconds=1),
        make_home(release, place / CANDIDATE / "src", threshold=EVERYTHING, model_version="4"),
    ]
    found = [
        start(home, folder, name, ROUTING_FILE=str(folder / "routing.json"),
              PREDICTION_LOG=logs[name])
        for home, name in zip(homes, logs, strict=True)
    ]  # fmt: skip
    try:
        for worker in found:
            worker.wait_until_ready()
        yield found[0], found[1]
    finally:
        for worker in found:
            worker.process.send_signal(signal.SIGCONT)
            worker.process.kill()
            worker.process.wait()


def route(folder: Path, shadow: dict[str, Any] | None) -> None:
    new = folder / "new"
    new.write_text(json.dumps({"live": LIVE, "canary": None, "shadow": shadow}))
    new.replace(folder / "routing.json")
    time.sleep(0.25)


@pytest.fixture
def counted(
    workers: tuple[Worker, Worker], folder: Path
) -> Iterator[Callable[[], dict[str, float]]]:
    """Send copies; return what was counted of them since."""
    live, candidate = workers
    route(folder, {"name": CANDIDATE, "socket": str(candidate.socket), "share": 1.0})

    def now() -> dict[str, float]:
        samples = live.metrics()
        return {
            what: samples.get(sample_of(f"lifecycle_shadow_{what}_total", candidate=CANDIDATE), 0)
            for what in ("rows", "changed", "failed", "dropped")
        }

    before = now()
    yield lambda: {what: value - before[what] for what, value in now().items()}
    route(folder, None)


def test_answers_are_compared_and_not_returned(
    workers: tuple[Worker, Worker],
    counted: Callable[[], dict[str, float]],
    records: list[Any],
    schema: Schema,
) -> None:
    live, candidate = workers
    line, answers = live.line(), []
    for number in range(30):
        status, body = line.ask("/v1/predict", {"records": records[number : number + 2]})
        assert status == 200
        answers.append(json.loads(body))
    assert {answer["model_version"] for answer in answers} == {"3"}
    decisions = [one[schema.target] for answer in answers for one in answer["predictions"]]
    wait_for(lambda: counted()["rows"] == 60)
    assert 0 < decisions.count(False) < 60
    assert counted() == {
        "rows": 60, "changed": decisions.count(False), "failed": 0, "dropped": 0,
    }  # fmt: skip
    assert candidate.metrics()['lifecycle_rows_total{variant="shadow"}'] == 60


def test_a_copy_is_logged_under_the_same_id(
    workers: tuple[Worker, Worker],
    counted: Callable[[], dict[str, float]],
    records: list[Any],
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    live = workers[0]
    live.predict(records[:1], X_Request_ID="of-both")
    wait_for(lambda: counted()["rows"] == 1)
    # A copy is not copied again, whoever says that it is one.
    live.predict(records[:1], X_Lifecycle_Variant="shadow")
    place = next(tmp_path_factory.getbasetemp().glob(f"homes*/{LIVE}")).parent

    def variants(name: str) -> list[tuple[str, str]]:
        files = (place / name / "log").glob("*")
        lines = [json.loads(one) for path in files for one in path.read_bytes().splitlines(True)
                 if one.endswith(b"\n")]  # fmt: skip
        return [(one["variant"], one["model_version"]) for one in lines
                if one["request_id"] == "of-both"]  # fmt: skip

    wait_for(lambda: bool(variants(LIVE) and variants(CANDIDATE)))
    assert variants(LIVE) == [("live", "3")] and variants(CANDIDATE) == [("shadow", "4")]
    assert counted()["rows"] == 1


def test_a_share_of_the_requests(
    workers: tuple[Worker, Worker],
    counted: Callable[[], dict[str, float]],
    records: list[Any],
    folder: Path,
) -> None:
    live, candidate = workers
    route(folder, {"name": CANDIDATE, "socket": str(candidate.socket), "share": 0.3})
    line = live.line()
    for _ in range(300):
        assert line.ask("/v1/predict", {"records": records[:1]})[0] == 200
    time.sleep(0.1)
    # Six standard deviations to either side.
    assert 42 < counted()["rows"] < 138


def test_a_candidate_that_hangs_holds_up_nobody(
    workers: tuple[Worker, Worker], counted: Callable[[], dict[str, float]], records: list[Any]
) -> None:
    live, candidate = workers
    candidate.process.send_signal(signal.SIGSTOP)
    line, seconds = live.line(), []
    for _ in range(mirror.WAITING_COPIES + 100):
        began = time.monotonic()
        assert line.ask("/v1/predict", {"records": records[:1]})[0] == 200
        seconds.append(time.monotonic() - began)
    assert statistics.median(seconds) < 0.05
    wait_for(lambda: counted()["failed"] >= mirror.SENDERS)
    assert counted()["dropped"] > 50
    candidate.process.send_signal(signal.SIGCONT)
    wait_for(lambda: sum(counted()[w] for w in ("rows", "failed", "dropped")) == len(seconds))


def test_a_candidate_that_dies_is_counted_as_failing(
    workers: tuple[Worker, Worker], counted: Callable[[], dict[str, float]], records: list[Any]
) -> None:
    live, candidate = workers
    candidate.process.kill()
    candidate.process.wait()
    for _ in range(5):
        live.predict(records[:2])
    wait_for(lambda: counted()["failed"] == 10)
    assert counted()["rows"] == 0


ANSWERS = {
    "another status": b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{]",
    "other JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "too few rows": b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"predictions":[]}',
    "no HTTP": b"nonsense\r\n\r\n",
    "nothing": b"",
}


def outcome(folder: Path, answer: bytes, live: dict[str, Any]) -> dict[str, float]:
    """Return what is counted of one copied row where the candidate's answer is these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def run() -> dict[str, float]:
        registry = prometheus_client.REGISTRY
        for collector in list(registry._collector_to_names):
            registry.unregister(collector)
        task = Binary(Column(name="late", type="boolean", roles=("target",), description="Late"))
        release: Any = SimpleNamespace(timeout_seconds=5)
        instruments = Instruments([], {}, task, release)
        place = folder / "answer.sock"
        server = await asyncio.start_unix_server(serve, place)
        copies = Mirror(instruments, task, release)
        copies.offer(Shadow(name="c", socket=str(place)), b"{}", [], "id", [live])
        counters = {
            "rows": instruments.shadow_rows,
            "changed": instruments.shadow_changed,
            "failed": instruments.shadow_failed,
        }

        def counted() -> dict[str, float]:
            return {name: one.labels("c")._value.get() for name, one in counters.items()}

        for _ in range(200):
            if any(counted().values()):
                break
            await asyncio.sleep(0.01)
        await copies.close()
        server.close()
        return counted()

    found = asyncio.run(run())
    shutil.rmtree(folder / "answer.sock", ignore_errors=True)
    return found


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_nonsense_is_a_failure(folder: Path, answer: bytes) -> None:
    assert outcome(folder, answer, {"late": True}) == {"rows": 0, "changed": 0, "failed": 1}


@pytest.mark.parametrize(
    ("live", "candidate", "changed"),
    [
        ({"late": True}, {"late": False}, 1),
        ({"delay": "long"}, {"delay": "none"}, 1),
        ({"delay": "long"}, {"delay": "long"}, 0),
        ({"minutes": 10.0}, {"minutes": 10.5}, 1),
        ({"minutes": 10.0}, {"minutes": 10}, 0),
        # However many fields there are, and where one of them has no counterpart.
        ({"late": True, "delay": "long"}, {"late": True, "delay": "none"}, 1),
        ({"late": True}, {"late": True, "delay": "none"}, 1),
        ({"late": True}, {"delay": "none"}, 1),
        # A figure may be another without anything being decided otherwise.
        ({"late": True}, {"late": True, "contributions": {"bias": 0.4}}, 0),
    ],
)
def test_whatever_is_decided_otherwise_is_counted(
    folder: Path, live: dict[str, Any], candidate: dict[str, Any], changed: int
) -> None:
    body = json.dumps({"predictions": [{"probability": 0.7, **candidate}]}).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    assert outcome(folder, answer, live) == {"rows": 1, "changed": changed, "failed": 0}
