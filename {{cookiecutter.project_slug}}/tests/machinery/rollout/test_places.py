"""What lies where a file or a folder of ours should be is named, before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core import command, environment
from lifecycle.core.params import Params
from lifecycle.records.deployment import Deployment
from lifecycle.rollout import status
from lifecycle.rollout.supervisor import Supervisor

FILES = (
    "api_keys", "audit.jsonl", "deployment.json", "holder.json", "lock", "log_hash_key",
    "routing.json", "sockets.json", "logs/supervisor.log", "programs/1-abc.json",
    "programs/proxy.json", "reserve/00", "sockets-a/supervisor.conf", "sockets-a/launch",
    "sockets-a/live", "sockets-a/share", "sockets-a/closing-0", "../packaged.json",
    "../released.json", "../store.lock",
)  # fmt: skip
FOLDERS = ("logs", "metrics", "programs", "proxy", "reserve", "sockets-a", ".")
ADVICE = "move it away, then type the same again"


def places(kind: str) -> list[str]:
    return list(FILES if kind == "folder" else FOLDERS)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in ("folder", "file") for name in places(kind)]
)
def test_what_is_in_the_place_of_state_is_named(
    kind: str, name: str, params: Params, tmp_path: Path
) -> None:
    """By every command that changes something, and by status, which else says to deploy."""
    folder = environment.folder(tmp_path, "development")
    if name == ".":
        folder = folder.parent / "development"
    place = (folder / name).resolve()
    if kind == "folder":
        (place / "mine").mkdir(parents=True)
        folder.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    for what in ("deploy", "start", "rollback", "status"):
        with pytest.raises(StageError) as refused:
            if what == "status":
                status.lines(tmp_path, params, "development")
            else:
                with Deployment(tmp_path, "development").hold(what):
                    pass
        assert str(place) in str(refused.value)
        assert ADVICE in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_in_the_way_of_a_new_one(params: Params, tmp_path: Path) -> None:
    assert "nothing serves" in status.lines(tmp_path, params, "development")[0]
    with Deployment(tmp_path, "development").hold("deploy"):
        pass
    assert "nothing serves" in status.lines(tmp_path, params, "development")[0]


def a_file_for_a_folder(place: Path) -> None:
    place.touch()
    Supervisor(place, None).start()


def test_what_a_command_meets_later_is_one_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SystemExit) as ended:
        command.run("deploy", lambda: a_file_for_a_folder(tmp_path / "place"))
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"deploy: {tmp_path}/place")
    assert line.endswith(f"something else in its place: {ADVICE}")
