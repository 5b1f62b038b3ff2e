"""supervisord, the process supervisor: it starts programs, and starts again those that die.

It runs in a session of its own, so that every command of the project finds it by its socket and it
outlives them all. Its settings hold no path: each program is started by `listening.py`, which reads
what to start from a file, so that a project's folder may have any name.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_state, write_json
from lifecycle.core import listening, log_tail, marks
from lifecycle.core.process import wait_gone
from lifecycle.rollout import supervisor_line
from lifecycle.rollout.programs import SETTINGS_FILE, Program, write_settings
from lifecycle.serving.socket_path import reach

START_SECONDS = 20
SILENT_SECONDS = 30
# What XML-RPC says of a name that it does not know.
BAD_NAME = 10
# It closes so many in each program that it starts, and does not start itself with less.
OPEN_FILES = 1024
# A process in one of these states is started by nobody but us.
AT_REST = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")
# Of the caller's variables these only reach what it runs, and whoever comes later changes none of
# them: settings of the service are given to each program, or stand in files that it follows, as
# keys do; make's arguments, where secrets may stand, are none of them.
INHERITED = (
    "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE",
    "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH",
)  # fmt: skip


def _reason(said: str) -> str:
    """Return all that a program says of its failure, without how to get help."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        return lines[-1]
    return " ".join(line for line in lines if not line.startswith("For help, use "))


class Supervisor:
    """The supervisor of one environment: `folder` keeps its settings, `sockets` its socket."""

    def __init__(self, folder: Path, sockets: Path | None) -> None:
        """Keep where things are; nothing is started yet. Sockets that are lost are None."""
        self.folder = folder.resolve()
        self.sockets = sockets or self.folder / "lost"
        self.programs, self.logs = self.folder / "programs", self.folder / "logs"
        self._remote: Any = None
        self._silent_until = 0.0

    @property
    def _rpc(self) -> Any:
        if self._remote is None:
            self._remote = supervisor_line.line(self.sockets / "supervisor.sock")
        return self._remote

    def runs(self) -> bool:
        """Say whether it answers; one that said nothing a moment ago is not waited for again."""
        if time.monotonic() < self._silent_until:
            return False
        if not (self.sockets / "supervisor.sock").exists():
            return False
        try:
            return bool(self._rpc.getState()["statecode"] == 1)
        except StageError:
            self._silent_until = time.monotonic() + SILENT_SECONDS
        except (OSError, xmlrpc.client.Error):
            self._remote = None
        return False

    def start(self) -> None:
        """Start it, without any program, unless it runs.

        Raises:
            StageError: it does not come up; why, and where its log is.
        """
        # What is written below is for nobody else: logs, keys, what was asked and answered.
        for place in (self.folder, self.programs, self.logs):
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o700)
        if self.runs():
            # It starts what dies by these files, which may have been lost since.
            write_settings(self.programs, self.sockets)
            return
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if allowed != resource.RLIM_INFINITY and allowed < OPEN_FILES:
            # Its own words for this give the wrong figure.
            raise StageError(
                f"the supervisor does not start with {allowed} open files, which `ulimit -n` "
                f"allows: it has to be {OPEN_FILES} at least"
            )
        # Programs of another time may have other sockets.
        shutil.rmtree(self.programs, ignore_errors=True)
        self.programs.mkdir(mode=0o700)
        write_settings(self.programs, self.sockets)
        log = self.logs / "supervisor.log"
        begin = log_tail.position(log)
        program = Path(__file__).with_name(marks.SUPERVISOR).resolve()
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-I", program, "-c", SETTINGS_FILE],
            cwd=self.sockets, env={**inherited, marks.MARK: str(self.sockets)}, umask=0o077,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.runs():
            if done.returncode or time.monotonic() > deadline:
                said = _reason(done.stderr) or _reason(done.stdout)
                said = said or _reason(log_tail.since(log, begin)) or "it does not answer"
                raise StageError(f"the supervisor did not start: {said} (see {log})")
            time.sleep(0.02)

    def shut_down(self) -> bool:
        """Stop every program and the supervisor itself; return whether it ran."""
        if not self.runs():
            return False
        # One that hangs from now on is killed, as one that did before.
        with contextlib.suppress(StageError):
            pid = self._rpc.getPID()
            self._rpc.shutdown()
            wait_gone(pid, 60.0)
        self._remote = None
        return True

    def end_all(self) -> bool:
        """End everything that runs in the environment, asked or not; return whether anything ran.

        Where its sockets are gone, the mark finds what runs; where the mark cannot be read, as from
        a container to another one, the sockets do.
        """
        ran = self.shut_down()
        self.kill_unanswering()
        held = listening.dismiss(reach(self.folder / listening.HOLDER))
        left = marks.processes(self.folder)
        marks.end(left)
        return ran or held or bool(left)

    def kill_unanswering(self) -> None:
        """Kill supervisors that cannot be asked: they would start again what is ended."""
        self._silent_until = 0.0
        for one in marks.processes(self.folder):
            if marks.is_supervisor(one):
                marks.kill(one)

    def add(self, program: Program) -> None:
        """Let a program run, started if it is new; one whose settings changed is replaced."""
        path, facts = self.programs / f"{program.name}.json", program.facts()
        known = program.name in self.names()
        if known and path.is_file() and read_state(path) == facts:
            return
        # Where there are several, the next one to be started is another: nothing is interrupted.
        replaced = known and program.processes == 1
        if replaced:
            self._drop(program.name)
        write_json(path, facts)
        path.chmod(0o600)
        if replaced or not known:
            write_settings(self.programs, self.sockets)
            self._rpc.reloadConfig()
            self._rpc.addProcessGroup(program.name)

    def remove(self, name: str) -> None:
        """Stop a program, requests in flight finished, and forget it."""
        self._drop(name)
        (self.programs / f"{name}.json").unlink(missing_ok=True)
        write_settings(self.programs, self.sockets)
        if self.runs():
            self._rpc.reloadConfig()

    def _drop(self, name: str) -> None:
        try:
            self._rpc.stopProcessGroup(name, False)
            self._wait_at_rest(name)
            self._rpc.removeProcessGroup(name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != BAD_NAME:
                raise

    def _wait_at_rest(self, name: str, number: int | None = None) -> None:
        """Wait until a program, or one process of it, has ended: it is killed where it does not."""
        while any(
            one["statename"] not in AT_REST
            for one in self.processes()
            if one["group"] == name and number in (None, int(one["name"]))
        ):
            time.sleep(0.02)

    def names(self) -> set[str]:
        """Return the programs that it knows."""
        return {one["group"] for one in self.processes()}

    def processes(self) -> list[dict[str, Any]]:
        """Return what is known of every process: see `process`, and `group`, `name`, `now`."""
        return list(self._rpc.getAllProcessInfo())

    def process(self, name: str, number: int = 0) -> dict[str, Any]:
        """Return what is known of a process: `statename`, `pid` (0 if it does not run), `start`."""
        try:
            return dict(self._rpc.getProcessInfo(f"{name}:{number}"))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != BAD_NAME:
                raise
            return {"statename": "UNKNOWN", "pid": 0, "start": 0}

    def kill(self, name: str) -> None:
        """Kill a program's first process, if there is one: it is beyond being asked to end."""
        if pid := self.process(name)["pid"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def set_running(self, name: str, number: int, wanted: bool) -> None:
        """Start or stop one process of a program, and wait for it."""
        # One that keeps dying has no process, but is being started again all the time.
        running = self.process(name, number)["statename"] not in AT_REST
        if wanted and not running:
            self._rpc.startProcess(f"{name}:{number}", False)
        elif running and not wanted:
            self._rpc.stopProcess(f"{name}:{number}", False)
            self._wait_at_rest(name, number)
