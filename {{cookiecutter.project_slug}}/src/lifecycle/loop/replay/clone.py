"""Where a replay plays: a clone of the project, with its own registry, remote, service and port."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text
from lifecycle.core import failure, git
from lifecycle.core.edited_yaml import replaced
from lifecycle.core.free_port import free_port
from lifecycle.core.params import Params, load_params
from lifecycle.core.window import Window
from lifecycle.loop.retrain import write_window

# What would let a clone reach what the project shares, or ask its clients for keys.
FOREIGN = ("MLFLOW_TRACKING_URI", "API_KEYS", "API_KEY")


class Clone:
    """A clone of the project in build/replay; the project itself is left as it is."""

    def __init__(self, project: Path) -> None:
        """Keep where it will be."""
        self.project, self.clone = project, project / "build" / "replay"
        # A project may be a folder of a larger repository.
        self.root = self.clone / git.prefix(project)
        inherited = {k: v for k, v in os.environ.items() if k not in FOREIGN}
        self.variables = {**inherited, "PYTHONPATH": "src", "LIFECYCLE_ENVIRONMENT": "development"}
        self._lock: int | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one replay at a time into the block; the clone's service is stopped at its end.

        The programs that it runs hold the lock as well: what a killed replay left has to end first.

        Raises:
            StageError: another one plays, or its programs still run.
        """
        path = self.clone.with_name("replay.lock")
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StageError(
                    f"another replay plays in {self.clone}, or what it started still runs",
                    "wait for it, then try again",
                ) from None
            self._lock = handle.fileno()
            try:
                yield
            finally:
                self.close()

    def build(self, params: Params, window: Window) -> Params:
        """Clone the project and let it begin with `window`; return its parameters.

        Raises:
            StageError: something is not committed: a clone would not have it.
        """
        if changed := git.changed(self.project):
            raise StageError(
                f"{', '.join(changed[:5])} not committed, and a replay plays the last commit",
                "type `git add -A && git commit` first",
            )
        # A replay that was killed has left its service.
        self.close()
        store = self.clone.with_name("replay-storage")
        for left in (self.clone, store):
            if left.exists():
                shutil.rmtree(left)
        git.clone(self.project, self.clone)
        shutil.copytree(self.project / params.paths.source, self.root / params.paths.source)
        # Nothing of a replay reaches what the project shares with others. A remote of its own, as
        # the project's may have settings that a folder does not know.
        write_text(
            self.root / ".dvc" / "config.local",
            f"[core]\n    remote = replay\n['remote \"replay\"']\n    url = {store}\n",
        )
        write_window(self.root / "params.yaml", window)
        text = replaced(self.params_text(), {"serve.ports.development": free_port()})
        self.set_params(text, f"Begin the replay with {window}")
        return load_params(self.root / "params.yaml")

    def params_text(self) -> str:
        """Return the clone's params.yaml."""
        return (self.root / "params.yaml").read_bytes().decode("utf-8")

    def set_params(self, text: str, subject: str) -> None:
        """Write the clone's params.yaml, and commit it where it has changed."""
        write_text(self.root / "params.yaml", text)
        if git.changed(self.root):
            git.commit(self.root, subject, "params.yaml")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of the clone."""
        failure.forget(self.root)
        return subprocess.Popen(
            [sys.executable, "-m", "lifecycle", *arguments], cwd=self.root, env=self.variables,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            pass_fds=() if self._lock is None else (self._lock,),
        )  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the clone; returns whatever came of it."""
        process = self.start(*arguments)
        with ended(process):
            printed, said = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, printed, said)

    def must(self, *arguments: str) -> str:
        """Run a command that has to pass, and return what it printed.

        Raises:
            StageError: it did not; with its reason.
        """
        done = self.run(*arguments)
        if done.returncode:
            said = failure.passed_on(self.why(done.stderr))
            raise StageError(f"{arguments[0]} failed in {self.root}: {said}")
        return done.stdout

    def why(self, printed: str) -> failure.Failure:
        """Return why the command that was run last has failed."""
        return failure.of(self.root, printed, "it")

    def close(self) -> None:
        """Stop the clone's service."""
        if (self.root / ".lifecycle" / "development").is_dir():
            self.must("stop")


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a process with everything that it started, if the block is interrupted."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
            for one in (psutil.Process(process.pid), *family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
        process.communicate()
        raise
