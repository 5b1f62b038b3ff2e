"""What a killed DVC left cut off is removed; what is whole, in use or somebody's work stays."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from lifecycle.pipeline.repro import IN_USE, LOCK, STATE, mend

WHOLE = {LOCK: "schema: '2.0'\nstages: {}\n", IN_USE: '{"read": {}, "write": {}}'}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / STATE).mkdir(parents=True)
    for path, text in WHOLE.items():
        (tmp_path / path).write_text(text)
    return tmp_path


def found(root: Path) -> dict[Path, str]:
    return {path: (root / path).read_text() for path in WHOLE if (root / path).exists()}


def test_what_is_whole_stays(root: Path) -> None:
    assert mend(root) == []
    assert found(root) == WHOLE


@pytest.mark.parametrize("path", WHOLE)
@pytest.mark.parametrize("left", [0, 14])
def test_what_was_cut_off_goes(path: Path, left: int, root: Path) -> None:
    (root / path).write_text(WHOLE[path][:left].strip())
    assert mend(root) == [path]
    assert found(root) == {name: text for name, text in WHOLE.items() if name != path}
    assert mend(root) == []


def test_a_conflict_of_a_merge_is_the_users(root: Path) -> None:
    conflict = "<<<<<<< HEAD\nschema: '2.0'\n=======\nschema: '1.0'\n>>>>>>> theirs\n"
    (root / LOCK).write_text(conflict)
    assert mend(root) == []
    assert (root / LOCK).read_text() == conflict


@pytest.mark.parametrize("lock", ["lock", "rwlock.lock"])
def test_nothing_is_touched_while_another_dvc_writes(lock: str, root: Path) -> None:
    (root / LOCK).write_text("")
    (root / IN_USE).write_text("")
    with (root / STATE / lock).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert mend(root) == []
        assert found(root) == {LOCK: "", IN_USE: ""}
    assert mend(root) == [LOCK, IN_USE]


def test_a_project_in_which_nothing_has_run_has_nothing_to_mend(tmp_path: Path) -> None:
    assert mend(tmp_path) == []
