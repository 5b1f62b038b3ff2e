"""What is deployed in an environment: one small file, a lock, and a log of what was done.

The file is written before anything is done that it describes, so a command that was killed can be
run again and goes on from what it finds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lifecycle.contract import reserve
from lifecycle.contract.files import read_state, write_json
from lifecycle.core import environment, places
from lifecycle.core.held import Held, now, user
from lifecycle.records.bento import Released
from lifecycle.records.recovery import Outcome, Serving, State, is_sound, recovered, supervisor_runs

__all__ = ["Deployment", "Outcome", "Serving", "State", "anything_live", "serving"]

STATE = TypeAdapter(State)


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
        """Return the state; nothing deployed where there is no file and nothing runs.

        What is lost or broken is found out anew: see `recovery`.
        """
        return self._read() or (recovered(self.root, self.folder) if self.is_lost() else State())

    def is_lost(self) -> bool:
        """Say whether something was deployed, and the file that says what is lost or broken."""
        if (self.folder / "deployment.json").is_file():
            return self._read() is None
        return supervisor_runs(self.folder)

    def _read(self) -> State | None:
        found = read_state(self.folder / "deployment.json")
        if found is None or "live" not in found:
            return None
        try:
            # As JSON: strictly, and yet an object is a dataclass.
            state = STATE.validate_json(json.dumps(found), strict=True)
        except ValidationError:
            return None
        return state if is_sound(state) else None

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
        try:
            for attempt in reserve.attempts(path):
                with attempt:
                    _append(path, json.dumps(line))
        except OSError as error:
            # What is done stays right where nobody can write down that it was.
            print(f"{self.name}: {path} cannot be written ({error.strerror}), and lacks: {line}",
                  file=sys.stderr)  # fmt: skip

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        """Let one command at a time change the deployment.

        Raises:
            StageError: another one does, who; or its files cannot be written, which.
        """
        # What runs is ended whatever lies about.
        if what != "stop":
            places.require(self.folder)
        with self._held.hold(what):
            try:
                yield
            finally:
                reserve.fill(self.folder)

    def holder(self) -> str:
        """Return who changes the deployment now, as a sentence."""
        return self._held.holder()

    def holding(self) -> dict[str, Any] | None:
        """Return the process that last took the lock, if it still runs."""
        return self._held.holding()


def _append(path: Path, line: str) -> None:
    """Add a line to a log; one that a crash or a full disk cut off stays alone on its line."""
    torn = path.is_file() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as log:
        log.write(("\n" if torn else "") + line + "\n")


def anything_live(root: Path) -> bool:
    """Say whether any environment of this project has a version that serves."""
    return any(Deployment(root, name).load().live is not None for name in environment.ENVIRONMENTS)
