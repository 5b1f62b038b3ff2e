"""Which window a retrain takes, and how it is written down."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml
from proved import git

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json
from lifecycle.core.params import Params
from lifecycle.core.window import Window
from lifecycle.loop import retrain


@pytest.mark.parametrize(
    ("end", "months", "start"),
    [
        # It grows up to so many months; then its beginning moves as well.
        ("2013-06", 12, "2013-01"),
        ("2013-06", 6, "2013-01"),
        ("2013-06", 3, "2013-04"),
        ("2014-02", 12, "2013-03"),
        # The same end again: a run that was stopped after its commit goes on.
        ("2013-05", 12, "2013-01"),
        ("2013-05", 1, "2013-05"),
    ],
)
def test_the_window_grows_then_moves(end: str, months: int, start: str) -> None:
    found = retrain.moved(Window(start="2013-01", end="2013-05"), end, months)
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize(
    ("start", "end", "new", "months", "moved"),
    [
        # By weeks and quarters, and where the window has days.
        ("2013-01", "2013-05", "2013-W24", 12, ("2013-01", "2013-06-16")),
        ("2013-01-15", "2013-05-05", "2013-W24", 1, ("2013-05-17", "2013-06-16")),
        ("2013-01-15", "2013-05-05", "2013-06-01", 12, ("2013-01-15", "2013-06-01")),
        ("2013-01", "2013-03", "2013-Q3", 6, ("2013-04-01", "2013-09-30")),
        ("2013-01-15", "2013-05-05", "2013-06", 2, ("2013-05", "2013-06")),
        # It ends within the month that is asked for: up to the month's end.
        ("2013-01-15", "2013-05-05", "2013-05", 12, ("2013-01-15", "2013-05")),
    ],
)
def test_the_window_moves_by_any_unit(
    start: str, end: str, new: str, months: int, moved: tuple[str, str]
) -> None:
    found = retrain.moved(Window(start=start, end=end), new, months)
    assert (found.start, found.end) == moved


def test_the_window_does_not_go_back() -> None:
    with pytest.raises(StageError, match="ends with 2013-05 already: give a later END"):
        retrain.moved(Window(start="2013-01", end="2013-05"), "2013-04", 12)


def test_writing_the_window_changes_nothing_else(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    shutil.copy(root / "params.yaml", path)
    before = path.read_text(encoding="utf-8")
    retrain.write_window(path, Window(start="2013-04", end="2014-01"))
    after = path.read_text(encoding="utf-8")
    differing = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert [new.strip() for _, new in differing] == ['start: "2013-04"', 'end: "2014-01"']
    assert yaml.safe_load(after)["data"]["window"] == {"start": "2013-04", "end": "2014-01"}


@pytest.mark.parametrize("text", ["data: {window: {start: '2013-01'}}\n", "data: {}\n", ""])
def test_a_window_that_is_not_there_is_not_guessed_at(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StageError, match=r"params\.yaml has no data\.window\.(start|end) to write"):
        retrain.write_window(path, Window(start="2013-01", end="2013-02"))
    assert path.read_text(encoding="utf-8") == text


LABELLED = {
    "2013-04": date(2013, 4, 30), "2013-05": date(2013, 5, 31), "2013-06": date(2013, 6, 17)
}  # fmt: skip


def test_the_newest_whole_month_is_taken_where_none_is_asked_for() -> None:
    assert retrain.chosen_end(LABELLED, None) == "2013-05"
    # Whoever asks for it gets a month that is labelled in part.
    assert retrain.chosen_end(LABELLED, "2013-06") == "2013-06"


def test_a_week_is_whole_as_well_where_a_later_one_has_labels() -> None:
    # One row a week, on its Saturday: no week has a label on its last day.
    weeks = {"2013-W22": date(2013, 6, 1), "2013-W23": date(2013, 6, 8)}
    assert retrain.chosen_end(weeks, None, "week") == "2013-W22"


@pytest.mark.parametrize(
    ("labelled", "asked", "said"),
    [
        (LABELLED, "2013-07", "no labels in 2013-07: its newest are of 2013-06"),
        ({}, "2013-07", "no labels in 2013-07: it has none"),
        ({"2013-06": date(2013, 6, 17)}, None, "no month that is labelled up to its last day"),
        ({}, None, "no month that is labelled up to its last day"),
    ],
)
def test_a_month_without_labels_is_none(
    labelled: dict[str, date], asked: str | None, said: str
) -> None:
    with pytest.raises(StageError, match=said):
        retrain.chosen_end(labelled, asked)


def test_the_last_labelled_day_of_each_month_is_that_of_the_source(
    project: Path, params: Params, schema: Schema
) -> None:
    found = retrain.last_days(project, params, schema)
    assert sorted(found) == [f"2013-{month:02d}" for month in range(1, 13)]
    assert (found["2013-02"], found["2013-12"]) == (date(2013, 2, 28), date(2013, 12, 31))
    # Nothing is left beside the source.
    assert [path.name for path in (project / "data").iterdir() if path.name.startswith("tmp")] == []


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A repository in which nothing is changed."""
    for name in ("params.yaml", "README.md"):
        (tmp_path / name).write_text("before\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text(".lifecycle/\n", encoding="utf-8")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "All")
    return tmp_path


@pytest.mark.parametrize(
    ("head", "names", "kept"),
    [
        # Only what a run before this one began on this commit, and in its own files, is undone.
        (True, ["params.yaml"], False),
        (False, ["params.yaml"], True),
        (True, ["params.yaml", "README.md"], True),
    ],
)
def test_what_a_killed_run_left_is_undone_and_nobodys_work(
    committed: Path, head: bool, names: list[str], kept: bool
) -> None:
    note = committed / ".lifecycle" / "retrain.json"
    write_json(note, {"head": git(committed, "rev-parse", "HEAD") if head else "another"})
    for name in names:
        (committed / name).write_text("after\n", encoding="utf-8")
    if kept:
        with pytest.raises(StageError, match=r"params\.yaml not committed: type `git add -A"):
            retrain.require_clean(committed)
    else:
        retrain.require_clean(committed)
    text = "after\n" if kept else "before\n"
    assert [(committed / name).read_text(encoding="utf-8") for name in names] == [text] * len(names)
    assert note.exists() is kept


def test_where_nothing_is_changed_nothing_is_undone(committed: Path) -> None:
    retrain.require_clean(committed)
    assert git(committed, "status", "--porcelain") == ""
