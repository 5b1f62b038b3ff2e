"""Liveness ends what hangs, so that the supervisor starts another: it only sees what has ended.

It is a program of the supervisor's like those that it watches. Each is asked in turn whether it is
alive; one that says nothing several times running, over many seconds, is killed (one that was
stopped takes no other signal). One that is still starting has the time that a start may take. Where
this program itself ran late, on an overloaded machine or one that was asleep, silence says nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import time
import xmlrpc.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core import environment
from lifecycle.core.command import project_root
from lifecycle.rollout.supervisor import Supervisor
from lifecycle.serving.socket_path import reach

NAME = "liveness"
PROBE_SECONDS, PAUSE_SECONDS, LATE_SECONDS = 2.0, 0.5, 1.0
# Of one process, one after the other: with the pauses, more than nine seconds.
MISSES = 4
# Of the proxy's administration what it says in a word: a long answer that is not read to its end is
# two lines of the proxy's log each time.
ALIVE = "/config/apps/http/grace_period"


def answers(path: Path, route: str, seconds: float) -> bool | None:
    """Say whether anything comes back over a unix socket in so many seconds, whatever it is.

    None where there is no way to ask: the socket's file is gone, or nobody listens there.
    """
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(seconds)
            line.connect(str(reach(path)))
            line.sendall(f"GET {route} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            return bool(line.recv(4096))
    except (TimeoutError, BlockingIOError):
        return False
    except OSError:
        return None


@dataclass(frozen=True)
class Process:
    """A process that is watched: as the supervisor knows it, and where it can be asked."""

    program: str
    number: int
    pid: int
    seconds: int
    socket: Path
    route: str


def watched(supervisor: Supervisor) -> Iterator[Process]:
    """Yield the workers and proxies that run."""
    for one in supervisor.processes():
        if one["statename"] != "RUNNING" or one["group"] == NAME:
            continue
        number, is_proxy = int(one["name"]), one["group"] == "proxy"
        name = f"admin-{number}.sock" if is_proxy else f"{one['group']}.sock"
        yield Process(
            one["group"], number, one["pid"], one["now"] - one["start"],
            supervisor.sockets / name, ALIVE if is_proxy else "/livez",
        )  # fmt: skip


class Watch:
    """How often each process has said nothing."""

    def __init__(self, start_seconds: float) -> None:
        """Remember how long a start may take."""
        self._start_seconds = start_seconds
        self._missed: dict[int, int] = {}
        self._answered: set[int] = set()

    def forget(self) -> None:
        """Begin to count anew: this program itself ran late."""
        self._missed.clear()

    def hangs(self, process: Process) -> bool:
        """Ask a process once more, and say whether it has been silent for long enough."""
        began = time.monotonic()
        answered = answers(process.socket, process.route, PROBE_SECONDS)
        if answered is None:
            # Its folder was moved away, say: it may well serve on, as `deploy` will find out.
            return False
        if answered:
            self._answered.add(process.pid)
            self._missed.pop(process.pid, None)
            return False
        if time.monotonic() - began > PROBE_SECONDS + LATE_SECONDS:
            self.forget()
            return False
        if process.pid not in self._answered and process.seconds < self._start_seconds:
            return False
        self._missed[process.pid] = self._missed.get(process.pid, 0) + 1
        return self._missed[process.pid] >= MISSES


def end(supervisor: Supervisor, process: Process) -> bool:
    """Kill a process that hangs, if it is the one that runs still; say whether it was."""
    if supervisor.process(process.program, process.number)["pid"] != process.pid:
        return False
    os.kill(process.pid, signal.SIGKILL)
    return True


def note(root: Path, name: str, process: Process) -> None:
    """Say what was ended, in the log of this program and in the audit log."""
    from lifecycle.records.deployment import (
        Deployment,  # not before: nearly always it is not needed
    )

    version = process.program.partition("-")[0]
    said = f"process {process.pid} of {process.program} hung and was ended"
    print(said, flush=True)
    number = int(version) if version.isdecimal() else None
    Deployment(root, name).note("restarted", number, said)


def watch(root: Path, name: str, supervisor: Supervisor, start_seconds: float) -> None:
    """Watch until this process is ended itself."""
    found = Watch(start_seconds)
    while True:
        for process in list(watched(supervisor)):
            if found.hangs(process) and end(supervisor, process):
                note(root, name, process)
        began = time.monotonic()
        time.sleep(PAUSE_SECONDS)
        if time.monotonic() - began > PAUSE_SECONDS + LATE_SECONDS:
            found.forget()


def main(given: argparse.Namespace) -> None:
    """Watch the environment that LIFECYCLE_ENVIRONMENT names."""
    root, name = project_root(), environment.current()
    supervisor = Supervisor(environment.folder(root, name), given.sockets)
    try:
        watch(root, name, supervisor, given.start_seconds)
    except (OSError, xmlrpc.client.Error) as error:
        raise StageError(f"the supervisor does not answer: {error!r}") from None
