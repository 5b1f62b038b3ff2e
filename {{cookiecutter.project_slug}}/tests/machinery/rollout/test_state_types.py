"""State files that are JSON, but not of the machinery's making: healed, as if they were lost.

Each value of each file is replaced by one of another type, and whatever reads the file is run.
"""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lifecycle.contract.files import write_json
from lifecycle.core import environment, process
from lifecycle.records import bento
from lifecycle.records.deployment import Deployment, Outcome, Serving, State
from lifecycle.records.recovery import recovered
from lifecycle.rollout.programs import Program, write_settings
from lifecycle.rollout.rollback import cancel

WRONG: list[Any] = [
    None, True, False, 0, -5, 1.5, 10**30, float("inf"), "", "x", "../../x", "\0", "x\n[program:y]",
    [], [1], {}, {"x": 1},
]  # fmt: skip
NAME = "development"


def tag(version: int) -> str:
    return f"name:{version}-0000000{version}"


def inside(root: Path) -> Path:
    return environment.folder(root, NAME)


def holder(_: Path) -> dict[str, Any]:
    # Of a process that runs, but is none of those that may be ended here.
    parent = os.getppid()
    return {"pid": parent, "started": process.started(parent), "what": "x", "since": "x", "by": "x"}


def state(_: Path) -> dict[str, Any]:
    last = Outcome(1, "completed", None, "reason", "now")
    one, two = Serving(1, tag(1), "now"), Serving(2, tag(2), "now")
    return asdict(State(one, two, two, "canary", 0.1, last))


def programs(_: Path) -> dict[str, Any]:
    return Program("live", ["x"], "live.sock", {"X": "x"}, stop_seconds=5).facts()


# How each file is made, by its path below .lifecycle.
FILES: dict[str, Callable[[Path], dict[str, Any]]] = {
    f"{NAME}/holder.json": holder,
    f"{NAME}/deployment.json": state,
    f"{NAME}/routing.json": lambda _: {"live": "1-00000001", "canary": None, "shadow": None},
    f"{NAME}/sockets.json": lambda root: {"folder": str(inside(root) / "sockets-1")},
    f"{NAME}/programs/live.json": programs,
    "packaged.json": lambda _: {"1": tag(1), "2": tag(2)},
    "released.json": lambda _: {"tag": tag(1), "version": 1},
}


def changed(value: Any) -> Iterator[Any]:
    """Yield what a file may hold instead: each of its values, at any depth, replaced in turn."""
    yield from WRONG
    if isinstance(value, dict):
        for key in value:
            for one in changed(value[key]):
                yield {**value, key: one}
            yield {name: value[name] for name in value if name != key}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for version in (1, 2):
        release = bento.release_folder(tmp_path, tag(version))
        release.mkdir(parents=True)
        write_json(release / "release.json", {"model_version": str(version)})
        (bento.folder(tmp_path, tag(version)) / "bento.yaml").touch()
    (inside(tmp_path) / "sockets-1").mkdir(parents=True)
    return tmp_path


def require_sound(found: State) -> None:
    """Whatever it is used for can be done with it: it is printed, and names no other folder."""
    for one in (found.live, found.previous, found.candidate):
        assert one is None or (type(one.version) is int and bento.TAG.fullmatch(one.tag))
    if found.step == "canary":
        assert found.share is not None and 0 < found.share < 1
    if found.last:
        assert isinstance(found.last.reason, str)


def look(root: Path) -> None:
    """Read every state file, as commands do."""
    deployment = Deployment(root, NAME)
    require_sound(deployment.load())
    require_sound(recovered(root, deployment.folder))
    found = deployment.holding()
    assert found is None or (type(found["pid"]) is int and found["pid"] > 0)
    assert deployment.holder()
    cancel(deployment)
    assert all(bento.TAG.fullmatch(one) for one in bento.packaged(root).values())
    last = bento.last(root)
    assert last is None or (type(last.version) is int and bento.TAG.fullmatch(last.tag))
    sockets = environment.known_sockets(root, NAME)
    assert sockets is None or sockets.parent == deployment.folder.resolve()
    place = deployment.folder.resolve() / "sockets-1"
    write_settings(deployment.folder.resolve() / "programs", place)
    parser = configparser.RawConfigParser()
    parser.read(place / "supervisor.conf")
    wanted = {"unix_http_server", "supervisord", "rpcinterface:supervisor", "program:live"}
    assert set(parser.sections()) <= wanted


@pytest.mark.parametrize("name", FILES)
def test_values_of_another_type_are_as_lost(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = list[Any]()
    monkeypatch.setattr(os, "kill", lambda *given: ended.append(given))
    monkeypatch.setattr(process, "wait_gone", lambda *_: True)
    paths = {one: root / ".lifecycle" / one for one in FILES}
    for one, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, FILES[one](root))
    right = json.loads(paths[name].read_bytes())
    look(root)
    # Whoever holds the lock is asked to end, and nobody else ever is.
    (expected,) = set(ended)
    for value in changed(right):
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        paths[name].write_text(json.dumps(value), encoding="utf-8")
        try:
            look(root)
        except Exception as error:
            raise AssertionError(f"{name}: {value}") from error
        assert set(ended) == {expected}, (name, value, ended)
