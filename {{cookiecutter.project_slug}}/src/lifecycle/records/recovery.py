"""What an environment's state is made of, and how it is found out anew where its file is lost.

The audit log has every version that came to serve; where it is lost as well, the routing names the
one that does.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from lifecycle.contract.files import read_state
from lifecycle.core import marks
from lifecycle.records import bento


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


def is_sound(state: State) -> bool:
    """Say whether a state can be one: its Bentos have names of Bentos, its share is one."""
    named = [one for one in (state.live, state.previous, state.candidate) if one is not None]
    if not all(bento.TAG.fullmatch(one.tag) for one in named):
        return False
    return state.step != "canary" or (state.share is not None and 0 < state.share < 1)


def supervisor_runs(folder: Path) -> bool:
    """Say whether the supervisor that keeps its files in an environment's folder is alive."""
    # Its number is read from another container as well; where it is lost, the mark is left.
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        number = int((folder / "supervisor.pid").read_text(encoding="ascii"))
        # It works in the folder of its sockets.
        if folder.resolve() == Path(psutil.Process(number).cwd()).parent:
            return True
    return any(map(marks.is_supervisor, marks.processes(folder)))


def recovered(root: Path, folder: Path) -> State:
    """Return what served last and before it; nothing of a rollout that was under way."""
    state = State()
    for version, tag, moment in _served(folder / "audit.jsonl"):
        if bento.is_here(root, tag) and (state.live is None or state.live.tag != tag):
            state = replace(state, live=Serving(version, tag, moment), previous=state.live)
    routing = read_state(folder / "routing.json") or {}
    routed = bento.of_program(root, str(routing.get("live")))
    if state.live is None and routed is not None:
        state = State(live=Serving(routed.version, routed.tag, "a time that is lost"))
    return state


def _served(audit: Path) -> list[tuple[int, str, str]]:
    """Return version, Bento and time of whatever came to serve, in order."""
    found, deployed = [], {}
    for line in _lines(audit):
        version, tag = line.get("version"), line.get("tag")
        action, moment = line.get("action"), str(line.get("time"))
        if not isinstance(version, int):
            continue
        if action == "deploy" and isinstance(tag, str):
            deployed[version] = tag
        if action == "completed" and version in deployed:
            found.append((version, deployed[version], moment))
        if action == "rollback" and isinstance(tag, str):
            found.append((version, tag, moment))
    return found


def _lines(audit: Path) -> list[dict[str, Any]]:
    try:
        content = audit.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in content:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # what a crash left of it
    return [line for line in found if isinstance(line, dict)]
