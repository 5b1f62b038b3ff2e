"""Runs generated projects: one environment and one finished lifecycle, shared by every test."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baking import commit_all, run, succeed

PORT = re.compile(r"(?m)^(    development: )(\d{4,5})$")
# For each of up to eleven of pytest's workers a thousand, below those that the system lends to
# connections: between being chosen and being listened on, such a one is taken by another test's.
FIRST = 21_000 + 1_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 11)
_ports = iter(range(FIRST, FIRST + 1_000, 2))
_given = list[int]()
# How this machine is asked without TLS: httpx would read all of its certificates for each request.
PLAIN: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
# Imports what takes seconds, once; then runs a module in a process of its own for each line, which
# begins with those libraries and with nothing of the project.
FORKING = """
import gc, importlib, json, os, runpy, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
gc.freeze()
for line in sys.stdin:
    asked = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    for number, path in enumerate((os.devnull, *asked["printed"])):
        os.dup2(os.open(path, os.O_RDWR), number)
    sys.path[0] = "src"
    sys.argv[1:] = asked["arguments"][1:]
    runpy.run_module(asked["arguments"][0], run_name="__main__", alter_sys=True)
    break
"""


@dataclass(frozen=True)
class Environment:
    """Where the shared environments are, and the variables of a user who has nothing else."""

    venv: Path
    serving_venv: Path
    variables: dict[str, str]


@dataclass(frozen=True)
class Project:
    """A generated project and how its commands are run."""

    root: Path
    environment: Environment

    def make(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run make targets with the shared environments; returns whatever came of it."""
        return run(
            *self.command(*arguments), folder=self.root, environment=self.variables(variables)
        )

    def must(self, *arguments: str, **variables: str) -> str:
        """Run make targets that have to pass, and return what they printed."""
        command, environment = self.command(*arguments), self.variables(variables)
        return succeed(*command, folder=self.root, environment=environment)

    def python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the project's Python as its Makefile does."""
        command: list[str | Path] = [self.environment.venv / "bin" / "python", *arguments]
        return run(*command, folder=self.root, environment=self.inside(variables))

    def inside(self, changes: dict[str, str]) -> dict[str, str]:
        """Return the variables that the Makefile gives to the project's Python."""
        given = {"PYTHONPATH": "src", "OMP_WAIT_POLICY": "PASSIVE", **changes}
        given["PATH"] = f"{self.environment.venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
        given["SERVING_PYTHON"] = str(self.environment.serving_venv / "bin" / "python")
        return self.variables(given)

    def command(self, *arguments: str) -> list[str]:
        """Return the make command, with the shared environments."""
        shared = [f"VENV={self.environment.venv}", f"SERVING_VENV={self.environment.serving_venv}"]
        return ["make", "--no-print-directory", *shared, *arguments]

    def variables(self, changes: dict[str, str]) -> dict[str, str]:
        """Return the variables of a command."""
        return {**self.environment.variables, **changes}

    def change(self, path: str, old: str, new: str) -> None:
        """Replace text of a file; the old text has to be there exactly once."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} has {text.count(old)} times {old!r}"
        (self.root / path).write_text(text.replace(old, new), encoding="utf-8")

    def commit(self, subject: str = "Change") -> None:
        """Commit everything."""
        commit_all(self.root, self.environment.variables, subject)

    def copy(self, target: Path) -> "Project":
        """Return a copy of the project, as it would be if its folder had been moved."""
        # Sockets of what serves there are no files, and belong to that place.
        ignored = shutil.ignore_patterns(".venv", ".venv-serving", "sockets-*", "*.sock")
        shutil.copytree(self.root, target, symlinks=True, ignore=ignored)
        return Project(target, self.environment)


class Forking:
    """Runs modules of projects that share an environment, whose libraries are imported once."""

    def __init__(self, project: Project, *libraries: str) -> None:
        """Start the process that imports them."""
        python = project.environment.venv / "bin" / "python"
        self._process = subprocess.Popen(
            [python, "-c", FORKING, *libraries], cwd=project.root, env=project.inside({}),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, project: Project, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a module, as `project.python("-m", ...)` does; returns whatever came of it."""
        asking, answers = self._process.stdin, self._process.stdout
        assert asking is not None
        assert answers is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            asked = {
                "folder": str(project.root), "variables": project.inside(variables),
                "arguments": arguments, "printed": [out.name, err.name],
            }  # fmt: skip
            asking.write(json.dumps(asked) + "\n")
            asking.flush()
            code = int(answers.readline())
            said = [Path(one.name).read_text(encoding="utf-8") for one in (out, err)]
        return subprocess.CompletedProcess(list(arguments), code, *said)

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


def free_port() -> int:
    """Return a port that nobody listens on, nor on the one above it, and no other test is given."""
    for port in _ports:
        with socket.socket() as probe, socket.socket() as above, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            above.bind(("127.0.0.1", port + 1))
            _given.append(port)
            return port
    raise AssertionError("every port of this worker has been given away")


def ports_in_use() -> list[int]:
    """Return the ports given so far on which somebody listens."""
    return [port for port in _given if not _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # What was closed a moment ago does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def use_port(root: Path, port: int) -> None:
    """Let the project's service listen on a port of its own."""
    path = root / "params.yaml"
    text, found = PORT.subn(rf"\g<1>{port}", path.read_text(encoding="utf-8"))
    assert found == 1
    path.write_text(text, encoding="utf-8")


def port_of(root: Path) -> int:
    """Return the port of the project's service in development."""
    found = PORT.search((root / "params.yaml").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[2])


def install(folder: Path, *packages: str) -> Path:
    """Make an environment with packages, and return the folder of its programs."""
    python = str(folder / "bin" / "python")
    commands: tuple[tuple[str, ...], ...] = (
        ("venv", "--python", sys.executable, str(folder)),
        ("pip", "install", "--python", python, *packages),
    )
    for command in commands:
        succeed(
            sys.executable,
            "-m",
            "uv",
            "--quiet",
            *command,
            folder=folder.parent,
            environment=dict(os.environ),
        )
    return folder / "bin"
