"""What tests ask of a project that runs, and a project small enough to be run many times."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from baking import clean_environment
from running import Environment, Project, free_port, use_port

PIPELINE = ("ingest", "validate", "prepare", "train", "evaluate")
STEPS = (*PIPELINE, "gate", "register", "package", "serve", "predict")
# Two months, a first model that is easily bettered, and floors that it reaches.
SMALLER = (
    ('end: "2013-05"', 'end: "2013-02"'),
    ("maximum_trees: 600", "maximum_trees: 60"),
    ("maximum_depth: 5", "maximum_depth: 2"),
    ("roc_auc: {minimum: 0.65", "roc_auc: {minimum: 0.5"),
    ("pr_auc: {minimum: 0.35", "pr_auc: {minimum: 0.1"),
    ("minimum_gain: 0.01", "minimum_gain: -0.1"),
    ("metric: roc_auc, minimum: 0.55", "metric: roc_auc, minimum: 0.4"),
)
BETTER = ("maximum_depth: 2", "maximum_depth: 5")


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
    port = re.search(r"(?m)^  port: (\d+)$", (project.root / "params.yaml").read_text())
    assert port is not None
    url = f"http://127.0.0.1:{port[1]}{path}"
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, url, json=body, timeout=20, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def elsewhere(project: Project, folder: Path) -> Project:
    """Return a copy of a project for another user, with an own home folder and port."""
    environment = replace(project.environment, variables=clean_environment(folder / "home"))
    copied = project.copy(folder / "flight-delay")
    use_port(copied.root, free_port())
    return Project(copied.root, environment)


_small: dict[Path, Project] = {}


def small_project(generated: Project, factory: pytest.TempPathFactory) -> Project:
    """Return the one shrunk project of this session, committed, nothing run; it is only copied."""
    if generated.root not in _small:
        root = factory.mktemp("small") / "flight-delay"
        project = generated.copy(root)
        for old, new in SMALLER:
            project.change("params.yaml", old, new)
        project.commit("Shrink")
        _small[generated.root] = project
    return _small[generated.root]


def clone(project: Project, target: Path, home: Path | None = None) -> Project:
    """Return a git clone of a project, for the same user or for one with another home folder."""
    subprocess.run(
        ["git", "clone", "-q", str(project.root), str(target)],
        env=project.environment.variables,
        check=True,
    )
    shared = project.environment
    variables = clean_environment(home) if home else shared.variables
    return Project(target, Environment(shared.venv, shared.serving_venv, variables))


class Running:
    """A command in a process group of its own, whose output is read line by line."""

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
        self.printed: list[str] = []

    def wait_for(self, line: str) -> None:
        """Read on until a line begins like this; it has to come."""
        assert self.process.stdout is not None
        for printed in self.process.stdout:
            self.printed.append(printed)
            if printed.startswith(line):
                return
        raise AssertionError(f"no line {line!r} in:\n{''.join(self.printed)}")

    def kill(self) -> None:
        """Kill every process of the group, as a machine that loses its power does."""
        assert self.process.poll() is None, f"it has ended already:\n{''.join(self.printed)}"
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        wait_until(lambda: not group_lives(self.process.pid), "the group is still there")


def group_lives(number: int) -> bool:
    """Say whether a process group has a member."""
    with suppress(ProcessLookupError):
        os.killpg(number, 0)
        return True
    return False


def wait_until(condition: Any, complaint: str, seconds: float = 30) -> None:
    """Wait for a condition; complain when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.005)


