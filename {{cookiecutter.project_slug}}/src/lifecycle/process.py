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


def _signal_group(state: State, number: int) -> bool:
    """Signal the process and all that it started; say whether there was any left."""
    try:
        os.killpg(state.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def stop(state: State, path: Path) -> bool:
    """Stop the process and its children, and forget it; return whether anything ran.

    The group's number stays taken while a child lives: it is ours unless another process has
    become its leader since.
    """
    ran = False
    if is_alive(state) or not started(state.pid):
        ran = _signal_group(state, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and _group_lives(state):
            time.sleep(0.02)
        if _group_lives(state):
            _signal_group(state, signal.SIGKILL)
    path.unlink(missing_ok=True)
    return ran


def _group_lives(state: State) -> bool:
    # Where it is our own child, collect it: a zombie still counts as the group's member.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(state.pid, os.WNOHANG)
    return _signal_group(state, 0)
