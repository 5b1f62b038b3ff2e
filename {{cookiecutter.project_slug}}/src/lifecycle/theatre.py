"""Where a replay plays: a clone of the project, with its own registry, remote, service and port."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from lifecycle import git
from lifecycle.command import StageError
from lifecycle.files import write_text
from lifecycle.params import Params, Window, load_params
from lifecycle.retrain import write_window


def _free_port() -> int:
    """Return a port that nobody listens on, nor on the one above it."""
    while True:
        with socket.socket() as one, socket.socket() as above:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                above.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class Theatre:
    """A clone of the project in build/replay; the project itself is left as it is."""

    def __init__(self, project: Path) -> None:
        """Keep where it will be."""
        self.project, self.root = project, project / "build" / "replay"
        inherited = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        self.variables = {**inherited, "PYTHONPATH": "src", "LIFECYCLE_ENVIRONMENT": "development"}

    def build(self, params: Params, month: str) -> Params:
        """Clone the project and set it to begin with one month; return its parameters.

        Raises:
            StageError: something is not committed: a clone would not have it.
        """
        if changed := git.changed(self.project):
            raise StageError(
                f"{', '.join(changed[:5])} not committed, and a replay plays the last commit: "
                "type `git add -A && git commit` first"
            )
        self.close()
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.parent.mkdir(exist_ok=True)
        subprocess.run(
            ["git", "clone", "--quiet", "--no-hardlinks", str(self.project), str(self.root)],
            check=True,
        )
        shutil.copytree(self.project / params.paths.source, self.root / params.paths.source)
        # Nothing of a replay reaches what the project shares with others.
        store = self.root.parent / "replay-storage"
        shutil.rmtree(store, ignore_errors=True)
        write_text(
            self.root / ".dvc" / "config.local", f"['remote \"storage\"']\n    url = {store}\n"
        )
        self._edit(params, month)
        return load_params(self.root / "params.yaml")

    def _edit(self, params: Params, month: str) -> None:
        path = self.root / "params.yaml"
        write_window(path, Window(start=month, end=month))
        text = path.read_text(encoding="utf-8")
        days = rf"\g<1>{params.replay.holdout_days}"
        text = re.sub(r"(?m)^(  holdout_days: )\d+$", days, text, count=1)
        port = rf"\g<1>{_free_port()}"
        text = re.sub(r"(?m)^(  ports:\n(?:.*\n)*?    development: )\d+$", port, text, count=1)
        write_text(path, text)
        git.commit(self.root, f"Begin the replay with {month}", "params.yaml")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a module of the clone; returns whatever came of it."""
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=self.root, env=self.variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def must(self, *arguments: str) -> str:
        """Run a module that has to pass, and return what it printed.

        Raises:
            StageError: it did not; with its reason.
        """
        done = self.run(*arguments)
        if done.returncode:
            raise StageError(f"{arguments[0]} failed in {self.root}: {reason(done.stderr)}")
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a module of the clone."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=self.root, env=self.variables,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        """Stop the clone's service."""
        if (self.root / ".lifecycle" / "development").is_dir():
            self.run("lifecycle.stop")


def reason(said: Any) -> str:
    """Return the line in which a stage said why it stopped."""
    lines = [line for line in str(said).splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"[a-z]+: ", line)]
    return (telling or lines or ["no message"])[0]
