"""What is deployed in an environment: one small file, a lock, and a log of what was done.

The file is written before anything is done that it describes, so a command that was killed can be
run again and goes on from what it finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lifecycle import environment
from lifecycle.bento import Released
from lifecycle.files import read_json, write_json
from lifecycle.held import Held, now, user


@dataclass(frozen=True)
class Serving:
    """A version that serves or is about to: its Bento, and since when."""

    version: int
    tag: str
    since: str

    @property
    def program(self) -> str:
        """The name of its process."""
        return self.tag.partition(":")[2]


@dataclass(frozen=True)
class Outcome:
    """How the last rollout or rollback ended."""

    version: int
    outcome: str
    rule: str | None
    reason: str
    at: str


@dataclass(frozen=True)
class State:
    """The deployment of one environment."""

    live: Serving | None = None
    previous: Serving | None = None
    candidate: Serving | None = None
    step: str | None = None
    share: float | None = None
    last: Outcome | None = None


def serving(released: Released) -> Serving:
    """Return a Bento as something that serves from now on."""
    return Serving(released.version, released.tag, now())


class Deployment:
    """The deployment of one environment, as its files have it."""

    def __init__(self, root: Path, name: str) -> None:
        """Keep where the files are."""
        self.root, self.name = root, name
        self.folder = environment.folder(root, name)
        self._held = Held(
            self.folder / "lock", self.folder / "holder.json", name,
            "wait for it, or see `make status`",
        )  # fmt: skip

    def load(self) -> State:
        """Return the state; nothing deployed where there is no file."""
        path = self.folder / "deployment.json"
        if not path.is_file():
            return State()
        found: dict[str, Any] = read_json(path)
        for key in ("live", "previous", "candidate"):
            found[key] = Serving(**found[key]) if found[key] else None
        found["last"] = Outcome(**found["last"]) if found["last"] else None
        return State(**found)

    def save(self, state: State) -> State:
        """Write the state in one step, and return it."""
        write_json(self.folder / "deployment.json", asdict(state))
        return state

    def change(self, **changes: Any) -> State:
        """Save the state with some of it changed, and return it."""
        return self.save(replace(self.load(), **changes))

    def note(self, action: str, version: int | None, reason: str = "", **more: Any) -> None:
        """Add a line to the audit log: what was done, to which version, why, and by whom."""
        line = {"time": now(), "action": action, "version": version, "reason": reason,
                "by": user(), **more}  # fmt: skip
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "audit.jsonl"
        torn = path.is_file() and not path.read_bytes().endswith(b"\n")
        with path.open("a", encoding="utf-8") as log:
            # A line that a crash cut off stays alone on its line.
            log.write(("\n" if torn else "") + json.dumps(line) + "\n")

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        """Let one command at a time change the deployment.

        Raises:
            StageError: another one does; who.
        """
        with self._held.hold(what):
            yield

    def holder(self) -> str:
        """Return who changes the deployment now, as a sentence."""
        return self._held.holder()

    def holding(self) -> dict[str, Any] | None:
        """Return the process that last took the lock, if it still runs."""
        return self._held.holding()


def anything_live(root: Path) -> bool:
    """Say whether any environment of this project has a version that serves."""
    return any(Deployment(root, name).load().live is not None for name in environment.ENVIRONMENTS)
