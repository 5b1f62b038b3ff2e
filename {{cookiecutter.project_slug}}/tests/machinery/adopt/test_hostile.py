"""A hostile file is adopted, or refused in one line; then nothing is written (hostile.py)."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from adopt import hostile
from adopt.test_adopt import commit, git, own

from lifecycle import __main__ as lifecycle
from lifecycle.adopt import floors
from lifecycle.contract.columns import load_schema
from lifecycle.core import command, inherited
from lifecycle.core.params import load_params
from lifecycle.core.timing import window_of
from lifecycle.pipeline import ingest

OPTIONS = ("TIME", "KEY", "GROUP", "TASK", "POSITIVE", "SENSITIVE")
USUAL = {"id": "key", "size": "feature", "share": "feature", "colour": "feature",
         "bought": "target", "day": "time"}  # fmt: skip
assert own


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let models be measured once a task: what they are worth is no matter here."""
    monkeypatch.setattr(command, "spare_imports", lambda: None)
    monkeypatch.setattr(inherited, "settle", lambda *_: None)
    monkeypatch.setattr(floors, "measure", measured)


def measured(
    values: pl.DataFrame, features: Any, raw: str, task: str, train: Any,
    known: dict[str, Any] = {}, measure: Any = floors.measure, **how: Any,  # noqa: B006
) -> Any:  # fmt: skip
    label = values[raw].drop_nulls()
    if label[: len(label) // 2].n_unique() == 1 or how.get("group"):
        return measure(values, features, raw, task, train, **how)
    if task not in known:
        known[task] = measure(values, features, raw, task, train, **how)
    return dataclasses.replace(known[task], slices=[])


def adopted(capsys: pytest.CaptureFixture[str], typed: str) -> tuple[int, str, str]:
    """Type `adopt` in the project's folder; return exit code, stdout and stderr."""
    given = dict(one.partition("=")[::2] for one in shlex.split(typed))
    asked = [given.get("SOURCE", "rows.csv"), given.get("TARGET", "bought")]
    for name in OPTIONS:
        asked += [f"--{name.lower()}", given[name]] if name in given else []
    code = 0
    try:
        lifecycle.main(["adopt", *asked])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def prepared(root: Path, make: hostile.Make) -> None:
    (root / "rows.csv").unlink()
    make(root)
    commit(root)


@pytest.mark.parametrize("kind", hostile.REFUSED)
def test_it_is_refused_in_one_line_and_nothing_is_written(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    make, typed, said = hostile.REFUSED[kind]
    prepared(own, make)
    if make is hostile.changing:
        monkeypatch.setattr(shutil, "copyfile", hostile.grow)
    code, out, err = adopted(capsys, typed)
    assert (code, out, err) == (1, "", f"adopt: {said}\n")
    # What is written meanwhile is the source.
    changed = {line[3:] for line in git(own, "status", "--porcelain", "-uall").splitlines()}
    assert changed <= ({"rows.csv"} if make is hostile.changing else set())
    assert [path.name for path in (own / "data").glob("*")] == []


@pytest.mark.parametrize("kind", hostile.TAKEN)
def test_it_is_adopted_and_ingested(
    own: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    make, typed, expected, said = hostile.TAKEN[kind]
    prepared(own, make)
    code, out, err = adopted(capsys, typed)
    assert (code, err) == (0, "")
    assert said in out
    schema, params = load_schema(own / "schema.yaml"), load_params(own / "params.yaml")
    found = {column.name: column.roles[0] for column in schema.columns}
    if "columns" not in kind or expected:
        wanted = {n: role for n, role in {**USUAL, **expected}.items() if role}
        assert found == wanted
    # What was adopted is what the next command reads.
    snapshot, report = ingest.ingest(own / params.paths.source, params, schema)
    assert report["rows"] == snapshot.height > 0.6 * 60
    assert window_of(params, schema) is None or schema.time
