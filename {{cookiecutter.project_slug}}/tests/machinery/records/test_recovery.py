"""What an environment's state was is found out anew where its file is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.records import bento
from lifecycle.records.deployment import Deployment, Serving, State

BROKEN = [b"", b'{"live": {"vers', b"\x00\xff", b"[]", b"{}", b'{"live": 5}', b"null"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the Bentos of three versions."""
    for version in (1, 2, 3):
        release = bento.release_folder(tmp_path, tag(version))
        release.mkdir(parents=True)
        facts = {"model_version": str(version)}
        (release / "release.json").write_text(json.dumps(facts), encoding="utf-8")
        (bento.folder(tmp_path, tag(version)) / "bento.yaml").touch()
    return tmp_path


def tag(version: int) -> str:
    return f"name:{version}-0000000{version}"


def note(deployment: Deployment, action: str, version: int, **more: Any) -> None:
    deployment.note(action, version, "reason", **more)


def test_the_state_comes_back_as_it_was_saved(root: Path) -> None:
    deployment = Deployment(root, "development")
    state = State(live=Serving(1, tag(1), "now"), step="canary", share=0.1)
    deployment.save(state)
    assert (deployment.load(), deployment.is_lost()) == (state, False)


@pytest.mark.parametrize("content", BROKEN)
def test_the_audit_log_says_what_served(content: bytes, root: Path) -> None:
    deployment = Deployment(root, "development")
    for version in (1, 2):
        note(deployment, "deploy", version, tag=tag(version))
        note(deployment, "completed", version)
    # One that was returned, and one that was only begun.
    for version in (3, 3):
        note(deployment, "deploy", version, tag=tag(version))
    note(deployment, "rolled back", 3)
    with (deployment.folder / "audit.jsonl").open("ab") as log:
        log.write(b'[]\n{"action": "completed", "version": "x"}\n{"action": "comp\n\xff\n')
    (deployment.folder / "deployment.json").write_bytes(content)
    found = deployment.load()
    assert found.live
    assert found.previous
    assert (found.live.tag, found.previous.tag, found.candidate) == (tag(2), tag(1), None)
    assert deployment.is_lost()
    note(deployment, "rollback", 1, tag=tag(1))
    found = deployment.load()
    assert found.live
    assert found.live.tag == tag(1)
    deployment.save(found)
    assert (deployment.load(), deployment.is_lost()) == (found, False)


def test_without_an_audit_log_the_routing_says_what_serves(root: Path) -> None:
    deployment = Deployment(root, "development")
    deployment.folder.mkdir(parents=True)
    (deployment.folder / "deployment.json").touch()
    assert deployment.load() == State()
    (deployment.folder / "routing.json").write_text('{"live": "2-00000002"}', encoding="utf-8")
    live = deployment.load().live
    assert live
    assert (live.tag, live.version) == (tag(2), 2)


def test_where_nothing_runs_a_missing_file_means_that_nothing_is_deployed(root: Path) -> None:
    deployment = Deployment(root, "development")
    note(deployment, "deploy", 1, tag=tag(1))
    note(deployment, "completed", 1)
    for number in ("", "no number", "1"):
        (deployment.folder / "supervisor.pid").write_text(number, encoding="ascii")
        assert (deployment.load(), deployment.is_lost()) == (State(), False)


@pytest.mark.parametrize("content", [None, *BROKEN, b'{"1": 5}'])
def test_the_bentos_say_themselves_which_versions_they_are(
    content: bytes | None, root: Path
) -> None:
    path = root / ".lifecycle" / "packaged.json"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    assert bento.of_version(root, 2) == bento.Released(tag(2), 2)
    bento.remember(root, bento.Released(tag(3), 3))
    assert {str(version): tag(version) for version in (1, 2, 3)}.items() <= bento.packaged(
        root
    ).items()


@pytest.mark.parametrize("content", [None, *BROKEN, b'{"tag": "name:1-00000001"}'])
def test_a_broken_pointer_points_to_nothing(content: bytes | None, root: Path) -> None:
    path = root / ".lifecycle" / "released.json"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    assert bento.last(root) is None
    bento.point_to(root, bento.Released(tag(1), 1))
    assert bento.last(root) == bento.Released(tag(1), 1)
