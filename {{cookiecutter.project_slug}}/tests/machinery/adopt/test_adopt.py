"""All files are written or none, over nothing uncommitted; a second run keeps the owner's edits."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from adopt.made import table
from folders import EXAMPLE, ROOT

from lifecycle.adopt import adopt, asking, writing
from lifecycle.adopt.asked import Asked, Said
from lifecycle.contract.columns import load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.section import plain
from lifecycle.core import edited_yaml, task_metrics
from lifecycle.core.params import load_params

ROWS = 1_000
ASKED = Asked("rows.csv", "bought")


def rows(count: int, **more: pl.Expr) -> pl.DataFrame:
    begin = datetime(2020, 1, 1)
    day = [begin + timedelta(hours=8 * n) for n in range(count)]
    return table(count).with_columns(pl.Series("day", day), **more)


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True,
                          check=True)  # fmt: skip
    return done.stdout


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "All")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as it was generated, of the files that adopt writes, with rows of its own."""
    root = tmp_path / "project"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "src").mkdir()
    (root / "project").rename(root / "src" / "project")
    for name in writing.EXAMPLE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("# About flights.\n", encoding="utf-8")
    (root / writing.README).write_text(
        "# Title\n\n## The data\n\nFlights.\n\n## The end\n", encoding="utf-8"
    )
    (root / writing.RECORD).write_text("{}\n", encoding="utf-8")
    params = (root / writing.PARAMS).read_text(encoding="utf-8")
    (root / writing.PARAMS).write_text(
        params.replace("maximum_trees: 600", "maximum_trees: 30"), encoding="utf-8"
    )
    (root / ".gitignore").write_text("/data/\n/.lifecycle/\n", encoding="utf-8")
    rows(ROWS).write_csv(root / "rows.csv")
    git(root, "init", "-q", "-b", "main")
    commit(root)
    monkeypatch.chdir(root)
    return root


def test_what_is_written_is_what_the_lifecycle_reads(own: Path) -> None:
    files, said = adopt.adopt(own, ASKED)
    schema, params = load_schema(own / "schema.yaml"), load_params(own / "params.yaml")
    assert schema.names("feature") == ["size", "share", "colour"]
    assert (schema.time, schema.target) == ("day", "bought")
    assert params.data.source.kind == "csv"
    assert params.evaluate.slices == ("colour",)
    assert (own / writing.FEATURES).read_text(encoding="utf-8").endswith("return {}\n")
    assert "bought" in (own / "README.md").read_text(encoding="utf-8")
    assert "| `share` | float |" in (own / adopt.COLUMNS).read_text(encoding="utf-8")
    assert [name for name in writing.EXAMPLE if (own / name).exists()] == []
    assert (own / "data/source/rows.csv").read_bytes() == (own / "rows.csv").read_bytes()
    printed = adopt.report(ASKED, files, said)
    assert "decided" in printed
    assert "unsure" in printed


def test_nothing_is_committed_and_git_checkout_undoes_it(own: Path) -> None:
    before = git(own, "rev-parse", "HEAD")
    adopt.adopt(own, ASKED)
    assert git(own, "rev-parse", "HEAD") == before
    git(own, "checkout", "-q", ".")
    left = {line[3:] for line in git(own, "status", "--porcelain", "-uall").splitlines()}
    # In a generated project this request is the example's, and is brought back as well.
    assert left <= {writing.REQUEST}
    assert writing.record(own) == {}


def test_uncommitted_work_is_not_written_over(own: Path) -> None:
    (own / "schema.yaml").open("a", encoding="utf-8").write("# Mine.\n")
    with pytest.raises(StageError, match=r"schema\.yaml not committed.*: type `git add -A"):
        adopt.adopt(own, ASKED)
    git(own, "checkout", "-q", ".")
    # The rows themselves may be new.
    rows(ROWS).write_csv(own / "new.csv")
    adopt.adopt(own, Asked("new.csv", "bought"))


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_full_disk_leaves_every_file_as_it_was(
    own: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = list[Path]()

    def fail(path: Path, text: str) -> None:
        written.append(path)
        if len(written) == at:
            raise OSError(28, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    monkeypatch.setattr(adopt, "write_text", fail)
    with pytest.raises(OSError, match="No space"):
        adopt.adopt(own, ASKED)
    assert git(own, "status", "--porcelain", "-uall") == ""
    assert not (own / "data/source").exists()


def test_a_source_that_cannot_be_adopted_changes_nothing(own: Path) -> None:
    with pytest.raises(StageError, match="TARGET=bough: the source has no such column"):
        adopt.adopt(own, Asked("rows.csv", "bough"))
    assert git(own, "status", "--porcelain", "-uall") == ""
    assert list((own / "data").iterdir()) == []


def test_a_file_that_is_none_is_called_as_its_owner_calls_it(own: Path) -> None:
    (own / "torn.csv").write_text("a,b\n1,2\n1\n", encoding="utf-8")
    with pytest.raises(StageError, match=r"^torn\.csv cannot be read: record 3 has 1 fields"):
        adopt.adopt(own, Asked("torn.csv", "b"))
    assert git(own, "status", "--porcelain", "-uall") == "?? torn.csv\n"


def test_a_second_run_keeps_edited_limits_and_proposes_what_is_new(own: Path) -> None:
    adopt.adopt(own, ASKED)
    commit(own)
    edited_yaml.rewrite(own / "schema.yaml", {
        "columns.size.maximum": 200, "columns.size.description": "Size of the shoe",
    })  # fmt: skip
    text = (own / "schema.yaml").read_text(encoding="utf-8")
    text = text.replace("  share:\n", "  # What of it is known.\n  share:\n    unit: kilos\n")
    text = text.replace("  share: {", "  # What of it is known.\n  share: {unit: kilos, ")
    (own / "schema.yaml").write_text(text, encoding="utf-8")
    edited_yaml.rewrite(own / "params.yaml", {"gate.metrics.roc_auc.minimum": 0.51})
    commit(own)
    # A tenth more rows, a colour that is new, and a larger size.
    is_new = pl.int_range(pl.len()) >= ROWS
    new = rows(ROWS + 100).with_columns(
        pl.when(is_new).then(pl.lit("violet")).otherwise("colour").alias("colour"),
        pl.when(is_new).then(pl.lit(900.0)).otherwise("size").alias("size"),
    )
    new.write_csv(own / "rows.csv")
    files, said = adopt.adopt(own, ASKED)
    schema = load_schema(own / "schema.yaml")
    assert schema["size"].maximum == 200
    assert schema["size"].description == "Size of the shoe"
    assert schema["share"].unit == "kilos"
    assert "# What of it is known." in (own / "schema.yaml").read_text(encoding="utf-8")
    assert "violet" in schema["colour"].categories
    assert load_params(own / "params.yaml").gate.metrics["roc_auc"].minimum == 0.51
    assert [line for line in said.unsure if "size.maximum: yours is 200" in line]
    assert "+    categories" in adopt.difference(own, files) or "violet" in adopt.difference(
        own, files
    )
    assert writing.FEATURES not in files


def test_a_second_run_on_the_same_rows_changes_nothing(own: Path) -> None:
    adopt.adopt(own, ASKED)
    commit(own)
    files, _ = adopt.adopt(own, ASKED)
    assert files == {}


def test_a_column_that_is_gone_goes_and_one_that_is_new_comes(own: Path) -> None:
    adopt.adopt(own, ASKED)
    commit(own)
    new = rows(ROWS).rename({"share": "portion"}).with_columns(pl.col("size").alias("weight") * 2)
    new.write_csv(own / "rows.csv")
    adopt.adopt(own, ASKED)
    found = plain((own / "schema.yaml").read_bytes())["columns"]
    assert set(found) == {"id", "size", "portion", "colour", "bought", "day", "weight"}


def given(**typed: str) -> argparse.Namespace:
    names = ("source", "target", "time", "key", "group", "task", "positive", "sensitive", "query")
    return argparse.Namespace(**{name: typed.get(name, "") for name in names})


def test_without_a_terminal_it_says_what_to_type() -> None:
    with pytest.raises(StageError, match=r"SOURCE is not given: type make adopt SOURCE=rows\.csv"):
        asking.asked(given(), {})
    with pytest.raises(StageError, match="TARGET is not given: type make adopt"):
        asking.asked(given(source="a.csv"), {})


def test_with_nothing_typed_it_is_asked_as_last_time() -> None:
    last = {"asked": {"source": "a.csv", "target": "x", "key": ["a", "b"]}}
    assert asking.asked(given(), last) == Asked("a.csv", "x", key=("a", "b"))
    assert asking.asked(given(time="t"), last) == Asked("a.csv", "x", time="t", key=("a", "b"))
    assert asking.asked(given(source="b", target="y"), last) == Asked("b", "y")


def test_at_a_terminal_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["a.csv", "", "x", "none", "a, b"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert asking.asked(given(), {}) == Asked("a.csv", "x", time="none", key=("a", "b"))


def test_the_record_says_what_was_asked(own: Path) -> None:
    adopt.adopt(own, Asked("rows.csv", "bought", key=("id",)))
    found = json.loads((own / writing.RECORD).read_text(encoding="utf-8"))
    assert found["asked"] == {"source": "rows.csv", "target": "bought", "key": ["id"]}


def test_what_of_the_example_goes_is_there() -> None:
    """In a new project; one that has adopted its own data has it no more."""
    if json.loads((ROOT / writing.RECORD).read_text(encoding="utf-8")):
        pytest.skip("this project has data of its own")
    assert [name for name in writing.EXAMPLE if not (ROOT / name).is_file()] == []


def test_said_is_told_line_by_line() -> None:
    said = Said(decided=["a"], flagged=["b"])
    assert adopt.report(ASKED, {}, said).splitlines()[1:] == ["", "decided", "  a", "", "look at",
                                                              "  b"]  # fmt: skip


@pytest.mark.parametrize("target", ["bought", "colour", "size"])
def test_what_is_written_is_what_its_task_has(own: Path, target: str) -> None:
    """The example is binary: what is asked of that alone goes with it, and so do its features."""
    adopt.adopt(own, Asked("rows.csv", target))
    schema, params = load_schema(own / "schema.yaml"), load_params(own / "params.yaml")
    task_metrics.require(params, schema)
    assert (params.evaluate.threshold is not None) == (target == "bought")
    assert plain((own / "params.yaml").read_text(encoding="utf-8"))["ablate"]["groups"] == {}
