"""What hangs is ended, and nothing that starts, is slow once, or is only believed to hang."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.rollout import liveness
from lifecycle.rollout.liveness import MISSES, Process, Watch, answers
from lifecycle.rollout.programs import Program
from lifecycle.rollout.supervisor import Supervisor

# Answers each line of a request on descriptor 0 until it is stopped.
SERVER = """
import socket
listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "PROBE_SECONDS", 0.1)


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose sockets have short names."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture
def silent(place: Path) -> Iterator[Path]:
    """A socket to which one can connect, and that never says anything."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "silent.sock"))
        listener.listen(100)
        yield place / "silent.sock"


def process(place: Path, seconds: int = 0, pid: int = 7) -> Process:
    return Process("1-abc", 0, pid, seconds, place, "/livez")


def test_silence_is_told_from_an_answer(silent: Path, place: Path) -> None:
    assert answers(silent, "/livez", 0.1) is False
    assert answers(place / "nothing.sock", "/livez", 0.1) is None


def test_only_silence_several_times_running_counts(silent: Path) -> None:
    watch = Watch(start_seconds=60)
    old = process(silent, seconds=61)
    assert [watch.hangs(old) for _ in range(MISSES)] == [False] * (MISSES - 1) + [True]
    watch.forget()
    assert [watch.hangs(old) for _ in range(MISSES - 1)] == [False] * (MISSES - 1)
    # Another process of the same program begins anew.
    assert not watch.hangs(process(silent, seconds=61, pid=8))


def test_one_that_cannot_be_asked_is_not_ended(place: Path) -> None:
    """Its folder was moved, or a cleaner took its socket: it serves whom it serves."""
    watch = Watch(start_seconds=60)
    lost = process(place / "gone.sock", seconds=61)
    assert not any(watch.hangs(lost) for _ in range(2 * MISSES))
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(place / "deaf.sock"))
        assert not any(watch.hangs(process(place / "deaf.sock", seconds=61)) for _ in range(9))


def test_one_that_starts_has_its_time(silent: Path) -> None:
    watch = Watch(start_seconds=60)
    assert [watch.hangs(process(silent, seconds=59)) for _ in range(2 * MISSES)] == [
        False
    ] * 2 * MISSES


def test_where_this_program_ran_late_silence_says_nothing(
    silent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, old = Watch(start_seconds=60), process(silent, seconds=61)
    assert not any(watch.hangs(old) for _ in range(MISSES - 1))
    with monkeypatch.context() as patch:
        # Any time at all is later than it should be.
        patch.setattr(liveness, "LATE_SECONDS", -1.0)
        assert not watch.hangs(old)
    assert [watch.hangs(old) for _ in range(MISSES)] == [False] * (MISSES - 1) + [True]


def test_a_stopped_process_is_ended_and_another_one_answers(place: Path) -> None:
    sockets = place / "s"
    sockets.mkdir()
    supervisor = Supervisor(place, sockets)
    supervisor.start()
    try:
        script = place / "server.py"
        script.write_text(SERVER, encoding="utf-8")
        command = [sys.executable, str(script)]
        supervisor.add(Program("1-abc", command, "1-abc.sock", {}, 5))
        watch = Watch(start_seconds=60)

        def look() -> list[Process]:
            return [one for one in liveness.watched(supervisor) if watch.hangs(one)]

        deadline = time.monotonic() + 30
        while not answers(sockets / "1-abc.sock", "/livez", 5.0):
            assert time.monotonic() < deadline
        while not list(liveness.watched(supervisor)):
            assert time.monotonic() < deadline  # it has to run for a second to count as running
        assert look() == []
        before = supervisor.process("1-abc")["pid"]
        os.kill(before, signal.SIGSTOP)
        found: list[Process] = []
        while not found:
            assert time.monotonic() < deadline
            found = look()
        assert [one.pid for one in found] == [before]
        assert liveness.end(supervisor, found[0])
        while not answers(sockets / "1-abc.sock", "/livez", 5.0):
            assert time.monotonic() < deadline
        assert supervisor.process("1-abc")["pid"] not in (0, before)
        # What is gone is not ended again, whoever has its number now.
        assert not liveness.end(supervisor, found[0])
    finally:
        supervisor.shut_down()


def test_it_ends_in_one_line_with_its_supervisor(place: Path) -> None:
    (place / "params.yaml").touch()
    done = subprocess.run(
        [sys.executable, "-m", "lifecycle", "liveness", str(place), "--start-seconds", "60"],
        cwd=place, capture_output=True, text=True, check=False,
        env={**os.environ, "LIFECYCLE_ENVIRONMENT": "development",
             "PYTHONPATH": str(Path(liveness.__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("liveness: the supervisor does not answer: ")
    assert len(done.stderr.splitlines()) == 1
