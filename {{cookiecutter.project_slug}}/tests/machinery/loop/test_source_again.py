"""A source is fetched anew, and what was there comes back where the line is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.loop import source_again


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a source."""
    made = tmp_path / "source"
    made.mkdir()
    (made / "rows.csv").write_text("before")
    return made


def fetch(folder: Path) -> None:
    folder.mkdir()
    (folder / "rows.csv").write_text("after")


@pytest.mark.parametrize("fetched", [True, False])
@pytest.mark.parametrize("times", [1, 2])
def test_what_was_there_comes_back(folder: Path, fetched: bool, times: int) -> None:
    # A run that was killed before it had fetched has set it aside already.
    for _ in range(times):
        source_again.set_aside(folder)
    if fetched:
        fetch(folder)
    source_again.undo(folder)
    assert (folder / "rows.csv").read_text() == "before"
    assert [path.name for path in folder.parent.iterdir()] == ["source"]


def test_what_a_killed_run_let_stay_is_what_was_there(folder: Path) -> None:
    source_again.set_aside(folder)
    fetch(folder)
    # It was killed before it had forgotten what was there before that.
    source_again.set_aside(folder)
    source_again.undo(folder)
    assert (folder / "rows.csv").read_text() == "after"


def test_what_was_fetched_stays(folder: Path) -> None:
    source_again.set_aside(folder)
    fetch(folder)
    source_again.keep(folder)
    source_again.undo(folder)
    assert (folder / "rows.csv").read_text() == "after"
    assert [path.name for path in folder.parent.iterdir()] == ["source"]
