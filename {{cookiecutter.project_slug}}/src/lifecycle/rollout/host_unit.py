"""Writes a systemd unit by which an environment comes up with its machine, and goes down with it.

It starts what served before (`start`), as the user who wrote it, and rolls nothing out.
"""

from __future__ import annotations

import getpass
import os
import shlex
import sys
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text
from lifecycle.core import environment
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params

# What the Makefile sets for every command.
VARIABLES = (
    "PATH", "PYTHONPATH", "SERVING_PYTHON", "LIFECYCLE_ENVIRONMENT", "OMP_WAIT_POLICY",
    "DO_NOT_TRACK", "BENTOML_DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY",
)  # fmt: skip
UNIT = """\
[Unit]
Description={name} in {environment}, as it served before
After=network.target
RequiresMountsFor={quoted_root}

[Service]
Type=oneshot
RemainAfterExit=yes
User={user}
WorkingDirectory={root}
{variables}
ExecStart=/usr/bin/env python -m lifecycle start
ExecStop=/usr/bin/env python -m lifecycle stop
TimeoutStartSec={start_seconds}
TimeoutStopSec={stop_seconds}
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
"""
# Ending requests in flight, proxy and workers one after the other.
STOP_SECONDS = 180


def _plain(text: object) -> str:
    """Return text as systemd reads it where it takes no quotes: a percent sign begins a word."""
    return str(text).replace("%", "%%")


def _quoted(text: object) -> str:
    return '"' + _plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def unit(root: Path, params: Params, name: str, variables: dict[str, str]) -> str:
    """Return the unit of an environment.

    Raises:
        StageError: the folder's name has what no unit can have.
    """
    if any(ord(character) < 32 for character in str(root)) or str(root).endswith("\\"):
        raise StageError(f"no systemd unit can name the folder {str(root)!r}: rename it")
    return UNIT.format(
        name=_plain(params.project.name),
        environment=name,
        quoted_root=_quoted(root),
        root=_plain(root),
        user=getpass.getuser(),
        variables="\n".join(
            f"Environment={_quoted(f'{key}={value}')}" for key, value in variables.items()
        ),
        start_seconds=params.serve.start_timeout_seconds + STOP_SECONDS,
        stop_seconds=STOP_SECONDS,
    )


def main() -> None:
    """Write the unit of the environment that LIFECYCLE_ENVIRONMENT names, and say what to do."""
    root, params, name = project_root().resolve(), load_params(), environment.current()
    given = {key: os.environ[key] for key in VARIABLES if key in os.environ}
    # What is in the caller's shell beyond this environment's programs is not the unit's business.
    given["PATH"] = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    file = f"{params.project.name}-{name}.service"
    path = environment.folder(root, name) / file
    write_text(path, unit(root, params, name, given))
    print(
        f"host-unit: wrote {path}; install it with\n"
        f"  sudo install -m 644 {shlex.quote(str(path))} /etc/systemd/system/\n"
        f"  sudo systemctl daemon-reload\n"
        f"  sudo systemctl enable --now {file}"
    )
