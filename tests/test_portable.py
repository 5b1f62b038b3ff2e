"""A project can be moved, cloned and changed: what is registered still leads back to its origin."""

import json
import sqlite3
from pathlib import Path

import pytest
from baking import run
from breaking import BETTER, commit, edit
from projects import (
    PIPELINE,
    clone,
    git,
    released_project,
    report_of,
    runs,
    statuses,
    versions,
)
from running import Project

pytestmark = pytest.mark.slow
EFFECTS = ("gate", "register", "package", "deploy", "predict")
FEATURES = "src/project/features.py"
CHANGED_FEATURES = (
    ('"weekday": functions.weekday(departure)', '"weekday": 8 - functions.weekday(departure)'),
    (
        '        "dewpoint_spread":',
        '        "arrival_hour": column("scheduled_arrival_minute") // 60,\n'
        '        "dewpoint_spread":',
    ),
)
LEARNING_FEATURES = (
    '        "dewpoint_spread":',
    '        "carrier_late": functions.target_mean(column("carrier")),\n'
    '        "warmth": column("temperature") - functions.median(column("temperature")),\n'
    '        "height": functions.lookup("airports.csv", column("origin"), "height"),\n'
    '        "island": functions.lookup_text("airports.csv", column("origin"), "island"),\n'
    '        "dewpoint_spread":',
)
AIRPORTS = "code,height,island\nJFK,4,Long Island\nLGA,6.5,Long Island\nEWR,5,Mainland\n"
# What batch scored is what the pipeline predicted.
SAME = """
import sys
import polars as pl
found, wanted = (
    pl.read_parquet(path)["probability"]
    for path in (sys.argv[1], "data/holdout_predictions.parquet")
)
assert found.to_list() == wanted.to_list()
"""
# Loads the champion from MLflow and scores its own example with it.
LOAD = """
import pandas as pd, polars as pl
from pathlib import Path
from lifecycle.records import registry, tracking
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
root, params, schema = Path.cwd(), load_params(), load_schema()
mlflow = tracking.connect(root)
model = mlflow.pyfunc.load_model(f"models:/{params.project.name}@champion")
rows = pl.read_parquet("data/holdout.parquet").head(100)
wanted = pl.read_parquet("data/holdout_predictions.parquet")["probability"].head(100)
assert list(model.predict(rows.select(schema.request).to_pandas())) == wanted.to_list()
version = registry.connect(root, params).by_alias("champion")
run = mlflow.MlflowClient().get_run(version.run_id)
place = Path(run.info.artifact_uri)
assert place.is_relative_to(root) and (place / "gate" / "gate.json").is_file(), place
"""
# The gain of what the pipeline has just predicted over what it predicted before.
GAIN = """
import sys
import polars as pl
from sklearn.metrics import roc_auc_score
label = pl.read_parquet("data/holdout.parquet")["late"].to_numpy()
new, old = (
    roc_auc_score(label, pl.read_parquet(path)["probability"].to_numpy())
    for path in ("data/holdout_predictions.parquet", sys.argv[1])
)
print(f"{new - old:+.4f}")
"""


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the shrunk project with version 1 as champion; its service is stopped."""
    return released_project(generated, tmp_path_factory)


def score(project: Project, folder: Path) -> str:
    """Score the holdout with the champion and return what batch printed."""
    rows = project.root / "data" / "holdout.parquet"
    scored = folder / "scored.parquet"
    printed = project.must("batch", f"INPUT={rows}", f"OUTPUT={scored}")
    assert scored.is_file()
    assert "0 rejected" in printed
    return printed


def test_a_moved_project_works_where_it_is(released: Project, tmp_path: Path) -> None:
    """Nothing runs again, nothing is looked for or made again at the old place."""
    old = released.copy(tmp_path / "before")
    old.must("lineage")
    project = Project(old.root.rename(tmp_path / "moved here"), old.environment)
    before = runs(project)
    try:
        project.must("lifecycle")
        assert statuses(project) == {
            **dict.fromkeys(PIPELINE, "cached"),
            **dict.fromkeys(EFFECTS[:3], "unchanged"),
            **dict.fromkeys(EFFECTS[3:], "ran"),
        }
        project.must("release", "predict", "lineage")
        assert "by version 1" in score(project, tmp_path)
        assert (versions(project), runs(project)) == ([1], before)
        check_store(project, old.root, released.root)
        # What is new is logged, registered and packaged at the new place.
        edit(project, "params.yaml", BETTER)
        commit(project)
        project.must("lifecycle")
        assert versions(project) == [1, 2]
        check_store(project, old.root, released.root)
    finally:
        project.must("stop")
    assert not old.root.exists()


def check_store(project: Project, *elsewhere: Path) -> None:
    """Assert that MLflow has the champion and its verdict, and knows no other place than this."""
    loaded = project.python("-c", LOAD)
    assert loaded.returncode == 0, loaded.stderr
    with sqlite3.connect(project.root / "mlflow.db") as connection:
        # Where a run was started is history, and looked up by nothing.
        lines = (line for line in connection.iterdump() if "mlflow.source.name" not in line)
        store = "\n".join(lines)
    connection.close()
    assert str(project.root) in store
    for place in elsewhere:
        assert f"{place}/" not in store


def test_a_clone_needs_nothing_but_dvc_pull(released: Project, tmp_path: Path) -> None:
    """With an empty registry the stages are cached, and the same model is released."""
    project = clone(released, tmp_path / "clone")
    pulled = project.python("-m", "dvc", "pull")
    assert pulled.returncode == 0, pulled.stderr
    try:
        project.must("lifecycle")
        assert [statuses(project)[name] for name in PIPELINE] == ["cached"] * len(PIPELINE)
        assert [statuses(project)[name] for name in EFFECTS] == ["ran"] * len(EFFECTS)
    finally:
        project.must("stop")
    ours, theirs = (report_of(one)["champion"] for one in (project, released))
    assert ours == theirs
    project.must("release", "lineage")
    assert versions(project) == [1]
    assert "by version 1" in score(project, tmp_path)
    assert git(project, "status", "--porcelain") == ""


def broken_links(project: Project) -> str:
    """Return the links that a lineage, which does not hold, says to be broken."""
    done = project.python("-m", "lifecycle", "lineage", "1")
    assert done.returncode == 1
    (message,) = done.stderr.splitlines()
    assert message.startswith("lineage: ")
    return message.partition(" links differ: ")[2].partition(" (")[0]


def test_lineage_holds_or_names_the_broken_link(released: Project, tmp_path: Path) -> None:
    """Commit, data, parameters, locks, run and verdict: each hash is checked."""
    project = released.copy(tmp_path / "flight-delay")
    printed = project.must("lineage", "VERSION=1")
    report = report_of(project)["champion"]
    for part in (report["git_commit"], report["data_md5"], report["model_md5"], "dvc.lock"):
        assert part in printed
    assert "gate verdict: pass" in printed
    assert "links hold" in printed
    changed = ["params.yaml", "models/model.ubj", "data/train.parquet", FEATURES]
    before = {name: (project.root / name).read_bytes() for name in changed}
    for name in changed:
        (project.root / name).write_bytes(before[name] + b"\n")
    # The features are a part of what decides a score.
    assert sorted(broken_links(project).split(", ")) == sorted([*changed, "definition"])
    for name in changed:
        (project.root / name).write_bytes(before[name])
    model = project.root / "models" / "model.ubj"
    model.unlink()
    assert broken_links(project) == "models/model.ubj"
    model.write_bytes(before["models/model.ubj"])
    (verdict,) = (project.root / "mlartifacts").glob("*/artifacts/gate/gate.json")
    verdict.write_text(verdict.read_text().replace("pass", "fail"))
    assert broken_links(project) == "gate verdict: pass"


def test_lineage_notices_a_rewritten_history(released: Project, tmp_path: Path) -> None:
    """A commit that is gone is the first broken link."""
    project = released.copy(tmp_path / "flight-delay")
    git(project, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--amend",
        "--no-verify", "-qm", "Another history")  # fmt: skip
    git(project, "reflog", "expire", "--expire=now", "--all")
    git(project, "gc", "-q", "--prune=now")
    links = broken_links(project).split(", ")
    assert links[0] == "git commit"
    assert "params.yaml" in links
    assert "models/model.ubj" not in links


@pytest.mark.parametrize("number", ["0", "7"])
def test_lineage_of_an_unknown_version_is_one_line(number: str, released: Project) -> None:
    """It says what to type."""
    done = released.python("-m", "lifecycle", "lineage", number)
    assert done.returncode == 1
    assert done.stderr == f"lineage: flight-delay has no version {number}: `make ui` shows them\n"


def test_the_champion_is_scored_by_its_own_features(released: Project, tmp_path: Path) -> None:
    """A changed definition and a new feature do not change what version 1 answers."""
    project = released.copy(tmp_path / "flight-delay")
    before = tmp_path / "before.parquet"
    (project.root / "data" / "holdout_predictions.parquet").rename(before)
    edit(project, "params.yaml", BETTER)
    for old, new in CHANGED_FEATURES:
        project.change(FEATURES, old, new)
    commit(project)
    project.must("pipeline", "gate")
    gate = json.loads((project.root / "reports" / "gate.json").read_text(encoding="utf-8"))
    (rule,) = (one for one in gate["rules"] if one["rule"] == "against champion version 1")
    wanted = project.python("-c", GAIN, str(before)).stdout.strip()
    assert rule["measured"].startswith(f"roc_auc {wanted} [")
    assert float(wanted) > 0


def test_what_features_learn_goes_with_the_model(released: Project, tmp_path: Path) -> None:
    """Pipeline, service (`package` asks it), batch and MLflow have what training learnt or read."""
    project = released.copy(tmp_path / "flight-delay")
    edit(project, "params.yaml", BETTER)
    project.change(FEATURES, *LEARNING_FEATURES)
    table = project.root / "src" / "project" / "tables" / "airports.csv"
    table.write_text(AIRPORTS, encoding="utf-8")
    commit(project)
    project.must("pipeline", "release", "deploy")
    project.must("stop")
    loaded = project.python("-c", LOAD)
    assert loaded.returncode == 0, loaded.stderr
    # A model's table is the one that it was trained with: with another one it is another model.
    table.write_text(AIRPORTS.replace("JFK,4", "JFK,40"), encoding="utf-8")
    commit(project)
    score(project, tmp_path)
    compared = project.python("-c", SAME, str(tmp_path / "scored.parquet"))
    assert compared.returncode == 0, compared.stderr
    done = project.python("-m", "lifecycle", "register")
    assert "the gate's verdict is not about this model (definition_md5" in done.stderr
    table.unlink()
    commit(project)
    assert "there is no file src/project/tables/airports.csv" in project.make("pipeline").stderr


def test_a_command_outside_a_project_says_so(generated: Project, tmp_path: Path) -> None:
    """Whoever is in the wrong folder reads one line."""
    python = generated.environment.venv / "bin" / "python"
    variables = generated.variables({"PYTHONPATH": str(generated.root / "src")})
    done = run(python, "-m", "lifecycle", "lineage", folder=tmp_path, environment=variables)
    assert done.returncode == 1
    assert "holds no params.yaml: run this from the project's folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1
