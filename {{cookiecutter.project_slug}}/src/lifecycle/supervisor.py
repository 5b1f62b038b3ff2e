"""supervisord, the process supervisor: it starts programs, and starts again those that die.

It runs in a session of its own with one file of settings a program, so that every command of the
project finds it by its socket and it outlives them all.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from lifecycle.command import StageError
from lifecycle.files import write_text
from lifecycle.process import wait_gone

START_SECONDS = 20
# What XML-RPC says of a name that it does not know.
BAD_NAME = 10
# A process in one of these states is started by nobody but us.
AT_REST = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")
# Stands in a command for the process's number, where several share a socket.
NUMBER = "@NUMBER@"
# A variable by which the programs of one supervisor are known.
MARK = "LIFECYCLE_SOCKETS"
# What no program is to have in its environment: keys, which workers read from a file, and make's
# arguments, where secrets may stand.
UNHEARD = ("API_KEYS", "API_KEY", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES")


@dataclass(frozen=True)
class Program:
    """One program: its command and variables, on a socket that the supervisor opens for it.

    `socket` is tcp://host:port or unix:///path; `processes` of them share it.
    """

    name: str
    command: Sequence[str | Path]
    folder: Path
    socket: str
    variables: Mapping[str, str]
    stop_seconds: int
    processes: int = 1


def _quoted(text: object) -> str:
    escaped = str(text).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _settings(program: Program, logs: Path, sockets: Path) -> str:
    given = {**program.variables, MARK: sockets}
    variables = ",".join(f"{name}={_quoted(value)}" for name, value in given.items())
    number = "%(process_num)d"
    command = " ".join(_quoted(part).replace(NUMBER, number) for part in program.command)
    return "\n".join([
        f"[fcgi-program:{program.name}]",
        f"command={command}",
        f"process_name={number}",
        f"numprocs={program.processes}",
        f"socket={program.socket}",
        # Others on this machine do not get past it.
        *(["socket_mode=0600"] if program.socket.startswith("unix:") else ["socket_backlog=1024"]),
        f"directory={str(program.folder).replace('%', '%%')}",
        f"environment={variables}",
        f"autostart={'true' if program.processes == 1 else 'false'}",
        "autorestart=true", "startsecs=1", "startretries=20",
        "stopsignal=TERM", f"stopwaitsecs={program.stop_seconds}",
        "stopasgroup=false", "killasgroup=true",
        "redirect_stderr=true", f"stdout_logfile={str(logs).replace('%', '%%')}/{program.name}.log",
        "stdout_logfile_maxbytes=5MB", "stdout_logfile_backups=2", "",
    ])  # fmt: skip


class Supervisor:
    """The supervisor of one environment: `folder` keeps its settings, `sockets` its socket."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        """Keep where things are; nothing is started yet."""
        self.folder, self.sockets = folder.resolve(), sockets
        self.programs, self.logs = self.folder / "programs", self.folder / "logs"
        self._remote: Any = None

    @property
    def _rpc(self) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        if self._remote is None:
            transport = SupervisorTransport(serverurl=f"unix://{self.sockets / 'supervisor.sock'}")
            self._remote = xmlrpc.client.ServerProxy("http://supervisor", transport).supervisor
        return self._remote

    def runs(self) -> bool:
        """Say whether it answers."""
        if not (self.sockets / "supervisor.sock").exists():
            return False
        try:
            return bool(self._rpc.getState()["statecode"] == 1)
        except (OSError, xmlrpc.client.Error):
            self._remote = None
            return False

    def start(self) -> None:
        """Start it, unless it runs.

        Raises:
            StageError: it does not come up; where its log is.
        """
        # What is written below is for nobody else: logs, keys, what was asked and answered.
        for place in (self.folder, self.programs, self.logs):
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o700)
        if self.runs():
            return
        self._end_orphans()
        settings, log = self.folder / "supervisor.conf", self.logs / "supervisor.log"
        path = {
            key: str(value).replace("%", "%%")
            for key, value in {
                "sock": self.sockets / "supervisor.sock",
                "log": log,
                "here": self.folder,
            }.items()
        }
        write_text(settings, "\n".join([
            "[unix_http_server]", f"file={path['sock']}", "chmod=0600",
            "[supervisord]", f"logfile={path['log']}", "logfile_maxbytes=5MB",
            f"pidfile={path['here']}/supervisor.pid", "loglevel=warn", f"directory={path['here']}",
            "umask=077",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            "[include]", "files = programs/*.conf", "",
        ]))  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(settings)],
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            env={name: value for name, value in os.environ.items() if name not in UNHEARD},
            umask=0o077,
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.runs():
            if done.returncode or time.monotonic() > deadline:
                said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
                raise StageError(f"the supervisor did not start {' '.join(said)} (see {log})")
            time.sleep(0.02)

    def _end_orphans(self) -> None:
        """End the programs of a supervisor that was killed: they hold the port."""
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if one.environ().get(MARK) == str(self.sockets):
                    one.terminate()
                    psutil.wait_procs([one], timeout=START_SECONDS)

    def shut_down(self) -> bool:
        """Stop every program and the supervisor itself; return whether it ran."""
        if not self.runs():
            return False
        pid = self._rpc.getPID()
        self._rpc.shutdown()
        wait_gone(pid, 60.0)
        self._remote = None
        return True

    def add(self, program: Program) -> None:
        """Let a program run, started if it is new; one whose settings changed is replaced."""
        path = self.programs / f"{program.name}.conf"
        text = _settings(program, self.logs, self.sockets)
        known = program.name in {one["group"] for one in self._rpc.getAllProcessInfo()}
        if known and path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        if known:
            self._drop(program.name)
        write_text(path, text)
        path.chmod(0o600)
        self._rpc.reloadConfig()
        self._rpc.addProcessGroup(program.name)

    def remove(self, name: str) -> None:
        """Stop a program, requests in flight finished, and forget it."""
        self._drop(name)
        (self.programs / f"{name}.conf").unlink(missing_ok=True)
        if self.runs():
            self._rpc.reloadConfig()

    def _drop(self, name: str) -> None:
        for call in (self._rpc.stopProcessGroup, self._rpc.removeProcessGroup):
            try:
                call(name)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != BAD_NAME:
                    raise

    def names(self) -> set[str]:
        """Return the programs that it knows."""
        return {one["group"] for one in self._rpc.getAllProcessInfo()}

    def process(self, name: str, number: int = 0) -> dict[str, Any]:
        """Return what is known of a process: `statename`, `pid` (0 if it does not run), `start`."""
        try:
            return dict(self._rpc.getProcessInfo(f"{name}:{number}"))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != BAD_NAME:
                raise
            return {"statename": "UNKNOWN", "pid": 0, "start": 0}

    def set_running(self, name: str, number: int, wanted: bool) -> None:
        """Start or stop one process of a program, and wait for it."""
        # One that keeps dying has no process, but is being started again all the time.
        running = self.process(name, number)["statename"] not in AT_REST
        if wanted and not running:
            self._rpc.startProcess(f"{name}:{number}", False)
        elif running and not wanted:
            self._rpc.stopProcess(f"{name}:{number}")
