"""The programs that the supervisor runs, and its settings, which are made of them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.contract.files import read_state, write_text
from lifecycle.core import listening

SETTINGS_FILE = "supervisor.conf"

SETTINGS = """\
[unix_http_server]
file=supervisor.sock
chmod=0600
[supervisord]
logfile=../logs/supervisor.log
logfile_maxbytes=5MB
pidfile=../supervisor.pid
loglevel=warn
umask=077
childlogdir=.
nocleanup=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """\
[program:{name}]
command=./launch start ../programs/{name}.json %(process_num)d
process_name=%(process_num)d
numprocs={processes}
autostart={autostart}
autorestart=true
startsecs=1
startretries=20
stopsignal=TERM
stopwaitsecs={stop_seconds}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile=../logs/{name}.log
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=2
"""


@dataclass(frozen=True)
class Program:
    """One program: its command and variables, on a socket that is opened for it.

    `socket` is the name of a unix socket, or the socket of the port's holder, host and port;
    `processes` of them may share the latter. It runs in the folder of sockets if not in `folder`.
    """

    name: str
    command: Sequence[str | Path]
    socket: str | tuple[str, str, int] | None
    variables: Mapping[str, str]
    stop_seconds: int
    processes: int = 1
    folder: Path | None = None

    def facts(self) -> dict[str, Any]:
        """Return what it is, as it is written down for the one who starts it."""
        return {
            "command": [str(part) for part in self.command],
            "socket": list(self.socket) if isinstance(self.socket, tuple) else self.socket,
            "folder": str(self.folder) if self.folder else None,
            "variables": dict(self.variables),
            "processes": self.processes,
            "stop_seconds": self.stop_seconds,
        }


def write_settings(programs: Path, sockets: Path) -> None:
    """Write the supervisor's settings into the folder of sockets, from a file for each program."""
    texts = [SETTINGS]
    for path in sorted(programs.glob("*.json")):
        facts = read_state(path)
        known = [(facts or {}).get(name) for name in ("processes", "stop_seconds")]
        if facts is None or not all(type(one) is int and one > 0 for one in known):
            # Broken: one that runs is not disturbed, and what is wanted is written anew.
            path.unlink()
            continue
        autostart = "true" if facts["processes"] == 1 else "false"
        texts.append(PROGRAM.format(name=path.stem, autostart=autostart, **facts))
    command = [sys.executable, "-I", "-S", str(Path(listening.__file__).resolve())]
    launcher = f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
    for name, text in ((SETTINGS_FILE, "\n".join(texts)), ("launch", launcher)):
        path = sockets / name
        # Where nothing changes, a full disk stops nobody.
        if not path.is_file() or path.read_bytes() != text.encode():
            write_text(path, text, 0o700 if name == "launch" else 0o600)
