"""What tests ask of a project that runs, and a project small enough to be run many times."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from baking import clean_environment, succeed
from breaking import SMALL, commit, edit
from running import PLAIN, Project, free_port, port_of, use_port

PIPELINE = ("ingest", "validate", "prepare", "train", "evaluate")
STEPS = (*PIPELINE, "gate", "register", "package", "deploy", "predict")


def report_of(project: Project) -> dict[str, Any]:
    """Return what reports/lifecycle.json says."""
    path = project.root / "reports" / "lifecycle.json"
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def statuses(project: Project) -> dict[str, str]:
    """Return what became of each step in the last lifecycle."""
    return {step["name"]: step["status"] for step in report_of(project)["steps"]}


def stored(project: Project, question: str) -> list[tuple[Any, ...]]:
    """Ask the project's tracking store in SQL, which is quicker than importing MLflow."""
    connection = sqlite3.connect(f"file:{project.root / 'mlflow.db'}?mode=ro", uri=True)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def versions(project: Project) -> list[int]:
    """Return the numbers of all registered versions."""
    found = stored(project, "select version from model_versions order by version")
    return [int(row[0]) for row in found]


def runs(project: Project) -> list[tuple[Any, ...]]:
    """Return id and status of every run."""
    return stored(project, "select run_uuid, status from runs order by start_time")


def ask(project: Project, path: str, body: Any = None) -> Any:
    """Ask the running service; its answer has to be 200."""
    url = f"http://127.0.0.1:{port_of(project.root)}{path}"
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, url, json=body, timeout=20, **PLAIN)
    assert answer.status_code == 200, answer.text
    return answer.json()


def worker_of(project: Project) -> int:
    """Return the number of the process that serves the live version."""
    found = re.search(r"(?m)^live .*process (\d+), ready$", project.must("status"))
    assert found is not None
    return int(found[1])


def process_of(program: str) -> int:
    """Return the process of a worker."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"WORKER_NAME={program}".encode() in variables:
            return int(path.parent.name)
    raise AssertionError(f"no process of {program}")


_shared: dict[tuple[Path, str], Project] = {}


def shrunk_project(generated: Project, factory: pytest.TempPathFactory) -> Project:
    """Return the one shrunk project of this session, committed, nothing run; it is only cloned."""
    key = (generated.root, "shrunk")
    if key not in _shared:
        project = generated.copy(factory.mktemp("shrunk") / "flight-delay")
        edit(project, "params.yaml", SMALL)
        use_port(project.root, free_port())
        commit(project)
        _shared[key] = project
    return _shared[key]


def released_project(generated: Project, factory: pytest.TempPathFactory) -> Project:
    """Return a clone of the shrunk project, undisturbed through its lifecycle; it is only copied.

    Version 1 is champion; the service is stopped.
    """
    key = (generated.root, "released")
    if key not in _shared:
        folder = factory.mktemp("released")
        project = clone(
            shrunk_project(generated, factory), folder / "flight-delay", folder / "home"
        )
        project.must("lifecycle")
        project.must("stop")
        _shared[key] = project
    return _shared[key]


def git(project: Project, *arguments: str) -> str:
    """Run git in a project; it has to pass."""
    return succeed(
        "git", *arguments, folder=project.root, environment=project.environment.variables
    )


def clone(project: Project, target: Path, home: Path | None = None) -> Project:
    """Return a git clone of a project, for the same user or for one with another home folder."""
    shared = project.environment
    variables = clean_environment(home) if home else shared.variables
    succeed("git", "clone", "-q", project.root, target, folder=target.parent, environment=variables)
    return Project(target, replace(shared, variables=variables))


class Running:
    """A command in a process group of its own, whose output is read while it runs."""

    def __init__(self, project: Project, *arguments: str) -> None:
        """Start `make` with `arguments`."""
        self.process = subprocess.Popen(
            project.command(*arguments),
            cwd=project.root,
            env=project.variables({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(output)

    @property
    def printed(self) -> str:
        """What it has said so far."""
        return "".join(self.lines)

    def said(self, line: str) -> bool:
        """Say whether a line has begun like this."""
        return any(one.startswith(line) for one in self.lines)

    def wait_for(self, line: str, seconds: float = 600) -> None:
        """Wait until a line begins like this; it has to come."""
        wait_until(
            lambda: self.said(line) or not self._reader.is_alive(), f"no line {line!r}", seconds
        )
        assert self.said(line), f"no line {line!r} in:\n{self.printed}"

    def wait_at_most(self, seconds: float, line: str) -> None:
        """Wait so long, or less if a line begins like this."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.said(line):
            time.sleep(0.005)

    def finish(self, seconds: float = 60) -> int:
        """Wait until it has ended by itself; return its exit code."""
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        return code

    def kill(self) -> None:
        """Kill every process of the group at once."""
        assert self.process.poll() is None, f"it has ended already:\n{self.printed}"
        os.killpg(self.process.pid, signal.SIGKILL)
        self.finish()
        wait_until(lambda: not group_lives(self.process.pid), "the group is still there")


def group_lives(number: int) -> bool:
    """Say whether a process group has a member."""
    with suppress(ProcessLookupError):
        os.killpg(number, 0)
        return True
    return False


def wait_until(condition: Any, complaint: str, seconds: float = 30) -> None:
    """Wait for a condition; complain when it does not come.

    Asking takes a third of the time at most: the processor is needed by what is waited for.
    """
    deadline = time.monotonic() + seconds
    asked = time.monotonic()
    while not condition():
        now = time.monotonic()
        assert now < deadline, complaint
        time.sleep(max(0.005, 2 * (now - asked)))
        asked = time.monotonic()
