"""Runs a project's workflows with act: the real jobs, small stand-ins for actions and for `gh`.

What is run is what is committed. Filters, permissions, concurrency and the time limits of jobs are
not evaluated by act: those are asserted from the parsed files.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from baking import run
from running import Project

ACTIONS = Path(__file__).parent / "actions"
ACT = Path(sys.executable).parent / "act"
REPOSITORY = "acme/flight-delay"
USES = re.compile(r"(?m)^\s*(?:- )?uses:\s*([^\s#]+)@(\S+)")
# Long, because act masks every occurrence of a secret.
TOKEN = "made-up-for-the-run-" + "0123456789" * 2
PUBLIC = {"full_name": REPOSITORY, "default_branch": "main", "visibility": "public"}
FILES = ("env", "secret", "var", "input")
LABELS = ("ubuntu-latest", "ubuntu-24.04", "self-hosted")


@dataclass
class Outcome:
    """How a run ended: what each job came to, what it printed, and what it put in its summary."""

    code: int
    jobs: dict[str, str] = field(default_factory=dict)
    steps: dict[tuple[str, str], str] = field(default_factory=dict)
    summaries: dict[str, str] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    log: str = ""
    # What GitHub then had.
    artifacts: dict[str, list[str]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def failing(self) -> list[tuple[str, str]]:
        """Return job and step of every step that failed."""
        return [key for key, result in self.steps.items() if result == "failure"]


@dataclass(frozen=True)
class GitHub:
    """What GitHub keeps of one repository between runs: issues, cache, artifacts, calls of gh."""

    project: Project
    state: Path

    def act(
        self,
        workflow: str,
        event: str,
        *arguments: str,
        payload: dict[str, Any] | None = None,
        secrets: dict[str, str] | None = None,
        variables: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Outcome:
        """Run a workflow for an event, on the commit that is checked out."""
        (self.state / "out").mkdir(parents=True, exist_ok=True)
        path = self.state / "event.json"
        path.write_text(json.dumps(payload or {}), encoding="utf-8")
        file = Path(".github/workflows") / workflow
        given = {
            "-s": {"GITHUB_TOKEN": TOKEN, **(secrets or {})},
            "--var": variables or {},
            "--env": self.environment(),
        }
        labels = [word for label in LABELS for word in ("-P", f"{label}=-self-hosted")]
        # Else act reads files of these names from where it is started.
        files = [word for name in FILES for word in (f"--{name}-file", "/dev/null")]
        settings = [
            word
            for option, values in given.items()
            for key, value in values.items()
            for word in (option, f"{key}={value}")
        ]
        done = run(
            ACT, event, "-W", file, "-e", path, *arguments, *labels, *files, *settings,
            "--no-skip-checkout", "--action-offline-mode", "--no-cache-server", "--rm", "--json",
            "--concurrent-jobs", "1", "--action-cache-path", self.state / "out",
            *stand_ins(self.project.root),
            folder=self.project.root, environment=self.variables(environment or {}),
        )  # fmt: skip
        return replace(read(done), artifacts=self.artifacts(), calls=self.calls())

    def environment(self) -> dict[str, str]:
        """Return what the stand-ins are told, and the repository's name."""
        shared = self.project.environment
        return {
            "STAND_IN_STATE": str(self.state),
            "STAND_IN_REPOSITORY": str(self.project.root),
            "STAND_IN_VENV": str(shared.venv),
            "STAND_IN_SERVING_VENV": str(shared.serving_venv),
            "GITHUB_REPOSITORY": REPOSITORY,
        }

    def variables(self, changes: dict[str, str]) -> dict[str, str]:
        """Return the environment of act; steps have a terminal under it, unlike on GitHub."""
        shared = self.project.environment.variables
        quiet = {"TERM": "dumb", "NO_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat"}
        path = f"{ACTIONS / 'bin'}:{shared['PATH']}"
        return {**shared, **quiet, "PATH": path, "UV_NO_PROGRESS": "1", **changes}

    def calls(self) -> list[dict[str, Any]]:
        """Return every call of gh, oldest first: its arguments, and what it read."""
        path = self.state / "calls.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def kept(self) -> dict[str, Any]:
        """Return the issues, pull requests (with a head), comments and releases."""
        path = self.state / "github.json"
        found: dict[str, Any] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        )
        return {"issues": [], "comments": [], "releases": {}, **found}

    @contextmanager
    def may_only_read(self) -> Iterator[None]:
        """Let GitHub refuse everything that would change it."""
        path = self.state / "github.json"
        path.write_text(json.dumps({**self.kept(), "read_only": True}), encoding="utf-8")
        yield
        path.write_text(json.dumps({**self.kept(), "read_only": False}), encoding="utf-8")

    def forget_comments(self) -> None:
        """Let nobody have commented, as on a new pull request."""
        path = self.state / "github.json"
        path.write_text(json.dumps({**self.kept(), "comments": []}), encoding="utf-8")

    def forget_caches_of_pull_requests(self) -> None:
        """Let the next pull request be another one: it reads its own caches and those of main."""
        for path in (self.state / "cache").glob("*refs%2Fpull*"):
            shutil.rmtree(path)

    def artifacts(self) -> dict[str, list[str]]:
        """Return each artifact's files; `forget_artifacts` begins a new run's."""
        root = self.state / "artifacts"
        return {
            folder.name: sorted(
                str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
            )
            for folder in (sorted(root.iterdir()) if root.is_dir() else [])
        }

    def forget_artifacts(self) -> None:
        """Let the next run upload artifacts of the same names, as each run of GitHub may."""
        shutil.rmtree(self.state / "artifacts", ignore_errors=True)


def stand_ins(root: Path) -> list[str]:
    """Return act's options for every action that the workflows use; each must have a stand-in."""
    found = set()
    for path in sorted((root / ".github").rglob("*.yml")):
        for name, reference in USES.findall(path.read_text(encoding="utf-8")):
            if name.startswith("./"):
                continue
            owner, repository = name.split("/")[:2]
            folder = ACTIONS / f"{owner}__{repository}"
            # Else act would fetch it from the network, even in its offline mode.
            assert folder.is_dir(), f"{path.name} uses {name}, which has no stand-in"
            found.add(f"{owner}/{repository}@{reference}={folder}")
    return [word for one in sorted(found) for word in ("--local-repository", one)]


def read(done: subprocess.CompletedProcess[str]) -> Outcome:
    """Return what act's records say."""
    outcome = Outcome(done.returncode, log=done.stdout + done.stderr)
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        record = json.loads(line)
        job = record.get("jobID", "")
        # Jobs of a called workflow have one id in every call: named as GitHub shows them.
        if len(path := str(record.get("job", "")).split("/")) == 3:
            job = f"{path[0].strip()} / {path[2].strip()}"
        if record.get("matrix"):
            job += f" {json.dumps(record['matrix'], sort_keys=True)}"
        if "jobResult" in record:
            outcome.jobs[job] = record["jobResult"]
        if "stepResult" in record and record.get("stage") == "Main":
            outcome.steps[job, record["step"]] = record["stepResult"]
            taken = record.get("executionTime", 0) / 1e9
            outcome.seconds[job] = outcome.seconds.get(job, 0.0) + taken
        if record.get("command") == "summary":
            outcome.summaries[job] = outcome.summaries.get(job, "") + record["content"]
        if record.get("raw_output"):
            outcome.printed[job] = outcome.printed.get(job, "") + record["msg"]
    return outcome


def workflow(root: Path, name: str) -> dict[Any, Any]:
    """Return a workflow as parsed; YAML reads its key `on` as True."""
    text = (root / ".github/workflows" / name).read_text(encoding="utf-8")
    found: dict[Any, Any] = yaml.safe_load(text)
    found["on"] = found.pop(True)
    return found


def pull_request(base: str, head: str, fork: bool = False) -> dict[str, Any]:
    """Return the payload of a pull request between two commits, from a fork or not."""
    origin = "somebody/flight-delay" if fork else REPOSITORY
    repository = {"full_name": REPOSITORY, "default_branch": "main"}
    return {
        "number": 7,
        "repository": repository,
        "pull_request": {
            "number": 7,
            "head": {"sha": head, "ref": "change", "repo": {"full_name": origin, "fork": fork}},
            "base": {"sha": base, "ref": "main", "repo": repository},
        },
    }


def by_hand(**inputs: str) -> dict[str, Any]:
    """Return the payload of a run that somebody starts on the default branch."""
    return {"ref": "refs/heads/main", "inputs": inputs, "repository": PUBLIC}


def push(before: str, branch: str = "main") -> dict[str, Any]:
    """Return the payload of a push to a branch, and the commit it had before."""
    return {"ref": f"refs/heads/{branch}", "before": before, "repository": PUBLIC}
