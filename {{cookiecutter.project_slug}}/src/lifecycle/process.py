"""One detached background process, remembered in a file so that a later command finds it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from lifecycle.files import read_json, write_json

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class State:
    """The process that serves: who it is, where it listens, which Bento it runs."""

    pid: int
    # With it, another process that got the same number later is not mistaken for ours.
    started: float
    host: str
    port: int
    tag: str
    version: int
    # What the service was started with; other keys need another process.
    # Empty where an older release of the project wrote the file: then it is started anew.
    settings: str = ""

    @property
    def url(self) -> str:
        """The address that a client uses."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{host}:{self.port}"


def started(pid: int) -> float:
    """Return when the process `pid` started, 0 if there is none (a zombie is none)."""
    try:
        found = psutil.Process(pid)
        return 0.0 if found.status() == psutil.STATUS_ZOMBIE else found.create_time()
    except psutil.NoSuchProcess:
        return 0.0


def load(path: Path) -> State | None:
    """Return the remembered process, or None."""
    return State(**read_json(path)) if path.is_file() else None


def save(path: Path, state: State) -> None:
    """Remember a process."""
    write_json(path, asdict(state))


def is_alive(state: State) -> bool:
    """Say whether exactly this process runs."""
    return abs(started(state.pid) - state.started) < 1


def _members(group: int) -> list[psutil.Process]:
    """Return the processes of a group that still run."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            # A zombie is dead, and only waits for its parent to notice.
            if os.getpgid(one.pid) == group and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    return found


def stop(state: State, path: Path) -> bool:
    """Stop the process and its children, and forget it; return whether anything ran.

    The group's number stays taken while a child lives: it is ours unless another process has
    become its leader since.
    """
    ours = is_alive(state) or not started(state.pid)
    members = _members(state.pid) if ours else []
    if members:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(state.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _members(state.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        if _members(state.pid):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(state.pid, signal.SIGKILL)
    path.unlink(missing_ok=True)
    return bool(members)
