"""Processes by number and start time: a number alone may be another process by now."""

from __future__ import annotations

import time

import psutil


def started(pid: int) -> float:
    """Return when the process `pid` started, 0 if there is none (a zombie is none)."""
    try:
        found = psutil.Process(pid)
        return 0.0 if found.status() == psutil.STATUS_ZOMBIE else found.create_time()
    except psutil.NoSuchProcess:
        return 0.0


def is_same(pid: int, since: float) -> bool:
    """Say whether the process that started at `since` still runs."""
    return abs(started(pid) - since) < 1


def wait_gone(pid: int, seconds: float) -> bool:
    """Wait until a process has ended; return whether it has."""
    since, deadline = started(pid), time.monotonic() + seconds
    while since and is_same(pid, since):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
