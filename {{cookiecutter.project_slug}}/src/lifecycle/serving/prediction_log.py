"""The prediction log: lines are handed over in memory, and a thread writes them each second.

A line is in memory before its answer leaves, and with the system `flush_seconds` later: the death
of the process, however sudden, loses no more than that. Nothing here makes a prediction wait or
fail. A file that is written is locked, so that one whose writer died is known from one in use.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lifecycle.contract.files import move
from lifecycle.contract.operations import PredictionLog

OPEN, CLOSED = ".open.jsonl", ".jsonl"
# More than this waits only where the disk does not answer; then the oldest lines are kept.
WAITING_LINES = 50_000
CLOSE_SECONDS = 5.0

logger = logging.getLogger("lifecycle.serving.prediction_log")


def close_left_open(folder: Path) -> int:
    """Close the files whose writers died, and return how many there were."""
    closed = 0
    for path in sorted(folder.glob(f"*{OPEN}")):
        try:
            with path.open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.rename(closed_path(path))
                closed += 1
        except OSError:
            continue  # in use, or another worker was faster
    return closed


def closed_path(path: Path) -> Path:
    """Return the name of an open file once it is closed."""
    return path.with_name(path.name.removesuffix(OPEN) + CLOSED)


class LogFile:
    """One file of the log, from its first line to its closing."""

    def __init__(self, folder: Path) -> None:
        """Make the file under a name that nobody looks for, lock it, then give it its own."""
        # Not what is above it: where that was moved away, nobody would look for the lines here.
        folder.mkdir(exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}"
        self.path = folder / f"{name}{OPEN}"
        self.size, self.began, self._torn = 0, time.monotonic(), False
        new = folder / f".{name}.part"
        self._descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            new.rename(self.path)
        except OSError:
            os.close(self._descriptor)
            raise

    def write(self, content: bytes) -> None:
        """Append; what has returned survives the process."""
        # What a full disk left of a line must not spoil the next one.
        rest = memoryview(b"\n" + content if self._torn else content)
        self._torn = True
        while rest:
            written = os.write(self._descriptor, rest)
            self.size += written
            rest = rest[written:]
        self._torn = False

    def close(self) -> None:
        """Bring the file to the disk and give it its closed name."""
        try:
            move(self.path, closed_path(self.path))
        finally:
            os.close(self._descriptor)


class Writer:
    """The log of one worker: `add` from the event loop, one thread that writes."""

    def __init__(self, folder: Path, settings: PredictionLog, lost: Callable[[int], None]) -> None:
        """Close what dead workers left open and start the thread; `lost` counts lost lines."""
        self._folder, self._settings, self._lost = folder, settings, lost
        self._waiting: deque[bytes] = deque()
        self._file: LogFile | None = None
        self._failing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        close_left_open(folder)
        self._thread.start()

    def add(self, line: bytes) -> None:
        """Take a line (without its end); never waits."""
        if len(self._waiting) < WAITING_LINES:
            self._waiting.append(line)
        else:
            self._lost(1)

    def close(self) -> None:
        """Write what waits and close the file."""
        self._stopping.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        due = time.monotonic()
        stopping = False
        while not stopping:
            # From flush to flush, however long the writing took.
            due = max(due + self._settings.flush_seconds, time.monotonic())
            stopping = self._stopping.wait(due - time.monotonic())
            self._flush()
            self._rotate(stopping)

    def _flush(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not lines:
            return
        try:
            if self._file is None:
                self._file = LogFile(self._folder)
            self._file.write(b"\n".join(lines) + b"\n")
            self._failing = False
        except OSError as error:
            self._failed(len(lines), error)

    def _rotate(self, stopping: bool) -> None:
        file, settings = self._file, self._settings
        if file is None:
            return
        full = file.size >= settings.rotate_bytes
        if stopping or full or time.monotonic() - file.began >= settings.rotate_seconds:
            self._file = None
            try:
                file.close()
            except OSError as error:
                self._failed(0, error)

    def _failed(self, lines: int, error: OSError) -> None:
        """Count lost lines, and say why once, not each second."""
        self._lost(lines)
        if not self._failing:
            logger.error("the prediction log cannot be written in %s: %s", self._folder, error)
        self._failing = True
