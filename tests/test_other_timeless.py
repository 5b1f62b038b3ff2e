"""Data without time, rows of which belong together: the whole lifecycle, and round it once more.

Samples of tumours, three a patient. The owner's files lie in tests/other_timeless/.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from breaking import edit
from projects import ask, git, report_of
from running import Project, free_port, use_port
from test_other_data import OWN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]
OWN_FILES = Path(__file__).parent / "other_timeless"
FIRST, LATER = 420, 569
OWN_PARAMS = (
    ("name: nycflights13}", "name: samples}"),
    ("  holdout_days: 31", "  holdout_share: 0.25"),
    ("  minimum_child_weight: 50.0", "  minimum_child_weight: 1.0"),
    ("  maximum_trees: 600", "  maximum_trees: 60"),
    ("  threshold: 0.3", "  threshold: 0.5"),
    ("  calibration_bins: 10", "  calibration_bins: 4"),
    ("    - origin\n    - carrier\n    - weekday\n", "    - side\n"),
    ("  minimum_slice_rows: 300", "  minimum_slice_rows: 20"),
    ("  attribution_rows: 1000", "  attribution_rows: 100"),
    ("  minimum_window_labels: 300", "  minimum_window_labels: 50"),
    # It is an easy question, also for the linear model.
    ("{minimum: 0.65, maximum: 0.90}", "{minimum: 0.80}"),
    ("    pr_auc: {maximum: 0.85}\n", ""),
    ("calibration_error: {maximum: 0.10}", "calibration_error: {maximum: 0.25}"),
    ("minimum_gain: 0.01}", "minimum_gain: -0.1}"),
    ("  minimum_rows: 1000", "  minimum_rows: 50"),
)
HELD_BACK = """
import json
from project.source import samples
print(json.dumps(samples()[{first}:].to_dicts()))
"""


@pytest.fixture(scope="module")
def own(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a generated project about the samples, committed."""
    project = generated.copy(tmp_path_factory.mktemp("timeless") / "flight-delay")
    for name in OWN:
        if name.endswith("/") and name != "src/project/":
            shutil.rmtree(project.root / name)
    shutil.copytree(OWN_FILES, project.root, dirs_exist_ok=True)
    edit(project, "params.yaml", OWN_PARAMS)
    path = project.root / "params.yaml"
    text = path.read_text(encoding="utf-8")
    begin = text.index("  window:\n")
    path.write_text(text[:begin] + text[text.index("\nvalidate:", begin) :], encoding="utf-8")
    use_port(project.root, free_port())
    project.must("docs")
    project.commit("Let it be about samples of tumours")
    return project


def read(project: Project, path: str) -> Any:
    return json.loads((project.root / path).read_text(encoding="utf-8"))


def monitored(project: Project) -> Any:
    """Return the report of the monitor, whatever its verdict."""
    done = project.make("monitor")
    assert (project.root / "reports" / "monitor.json").is_file(), done.stderr
    return read(project, "reports/monitor.json")


def test_the_lifecycle_passes_and_the_loop_goes_round(own: Project) -> None:
    own.must("lifecycle")
    try:
        prepared = read(own, "reports/prepare.json")
        assert (prepared["train"].keys() & {"first", "last"}) == set()
        assert 85 <= prepared["holdout"]["rows"] <= 125
        _watch(own)
        _retrain(own)
    finally:
        own.must("stop")


def _watch(own: Project) -> None:
    """Rows that nobody has seen are predicted; then their labels come."""
    done = own.python("-c", HELD_BACK.format(first=FIRST))
    rows = json.loads(done.stdout)
    labels = [f"{row['number']},{str(row.pop('malignant')).lower()}" for row in rows]
    request = report_of(own)["prediction"]["request"]
    assert set(request["records"][0]) == set(rows[0])
    answer = ask(own, "/v1/predict", {"records": rows})
    assert len(answer["predictions"]) == LATER - FIRST
    folder = own.root / "data" / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "came.csv").write_text("number,malignant\n" + "\n".join(labels) + "\n")
    found = monitored(own)
    assert found["verdict"] == "healthy", found["sentences"]
    (window,) = found["windows"]
    assert window["drift"].keys() == {"side", "radius", "texture", "smoothness", "symmetry"}
    assert window["quality"]["rows"] == LATER - FIRST
    assert found["not_judged"] == {}
    # Radii in other units are noticed.
    ask(own, "/v1/predict", {"records": [
        {**row, "number": row["number"] + 1000, "radius": row["radius"] / 2.54}
        for row in (rows * 7)[:1000]
    ]})  # fmt: skip
    found = monitored(own)
    assert found["verdict"] == "firing"
    assert "radius" in {alert["subject"] for alert in found["alerts"]}


def _retrain(own: Project) -> None:
    """The source has more rows by now; the champion has seen hardly any that is held out."""
    done = own.make("retrain", "RELEASE=no", END="2013-06")
    assert "END=2013-06 is of time" in done.stderr
    assert "nothing new: the model of all rows is the champion" in own.must("retrain", "RELEASE=no")
    (own.root / "data" / "samples_by_now").write_text(str(LATER))
    before = git(own, "rev-parse", "HEAD")
    done = own.make("retrain", "RELEASE=no")
    gate = read(own, "reports/gate.json")
    rules = {one["rule"]: one for one in gate["rules"]}
    unseen = rules["holdout unseen by the champion"]
    assert unseen["verdict"] == "pass"
    assert unseen["minimum"] <= unseen["value"]
    lines = len((own.root / "data/source/samples.csv").read_text().splitlines())
    if done.returncode == 0:
        assert lines == LATER + 1
        assert git(own, "log", "-1", "--format=%s").strip() == "Take the source's rows of today"
    else:
        # No better than the champion: everything is as it was.
        assert gate["failed"] == ["against champion version 1"]
        assert (lines, git(own, "rev-parse", "HEAD")) == (FIRST + 1, before)
        assert not git(own, "status", "--porcelain")
