"""A model that should not be released stops the line at the gate.

Each case starts with champion version 1 and, where the model itself is not what is broken, with a
challenger that the gate lets through (see the fixture `better`): then one thing is broken.
"""

import shutil
from collections.abc import Callable

import pytest
from breaking import (
    BETTER,
    EVALUATION,
    GATE,
    MODEL,
    Unchanged,
    edit,
    edit_json,
    evaluated_as_it_is,
    flights,
    read_json,
    rewrite_model,
    shuffle_outcomes,
    stopped,
    unreachable_remote,
)
from running import Project

pytestmark = pytest.mark.slow

AGAINST = "against champion version 1"


def failing(project: Project) -> list[str]:
    """Return the rules that failed, by what reports/gate.json says."""
    report = read_json(project, GATE)
    assert report["verdict"] == "fail"
    return [one["rule"] for one in report["rules"] if one["verdict"] == "fail"]


def forget_releases(project: Project) -> None:
    """Leave a project in which nothing was ever released."""
    (project.root / "mlflow.db").unlink()
    for folder in ("mlartifacts", ".bentoml", ".lifecycle"):
        shutil.rmtree(project.root / folder)


LIMITS = [
    ("roc_auc", "maximum: 0.90}", "maximum: 0.60}"),
    ("pr_auc", "pr_auc: {maximum: 0.85}", "pr_auc: {minimum: 0.80}"),
    (
        "calibration_error",
        "calibration_error: {maximum: 0.10}",
        "calibration_error: {maximum: 0.001}",
    ),
    ("beats the linear model", "minimum_gain: -0.10", "minimum_gain: 0.10"),
    ("slices of weekday", "roc_auc, minimum: 0.45}", "roc_auc, minimum: 0.62}"),
    ("disparity of origin, true positive rate", "{maximum: 0.25}", "{maximum: 0.12}"),
    ("median time for one row", "maximum_milliseconds: 20.0", "maximum_milliseconds: 0.001"),
    ("size of the model file", "maximum_megabytes: 20.0", "maximum_megabytes: 0.01"),
]


@pytest.mark.parametrize(("rule", "old", "new"), LIMITS, ids=[case[0] for case in LIMITS])
def test_each_limit_alone_stops_the_release(
    rule: str, old: str, new: str, challenger: Project, unchanged: Unchanged
) -> None:
    """Every limit of params.yaml is one that the gate obeys."""
    challenger.change("params.yaml", old, new)
    with unchanged(challenger):
        done = challenger.make("release")
    stopped(done, "gate", f"failed: {rule}; nothing is released, the champion stays version 1")
    assert failing(challenger) == [rule]
    assert "lifecycle register" not in done.stdout


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "null"])
def test_a_missing_metric_fails(gone: bool, challenger: Project, unchanged: Unchanged) -> None:
    """What was not measured does not pass."""

    def lose(report: dict[str, dict[str, float | None]]) -> None:
        report["metrics"]["pr_auc"] = None
        if gone:
            del report["metrics"]["pr_auc"]

    edit_json(challenger, EVALUATION, lose)
    with unchanged(challenger):
        done = challenger.make("gate")
    stopped(done, "gate", "failed: pr_auc")
    assert failing(challenger) == ["pr_auc"]
    assert "missing" in done.stdout


def test_an_unknown_key_of_the_gate_is_named(challenger: Project, unchanged: Unchanged) -> None:
    """A limit with a slip of the pen in its name would limit nothing."""
    challenger.change("params.yaml", "  size: {maximum", "  sizes: {maximum")
    with unchanged(challenger):
        done = challenger.make("gate")
    stopped(done, "gate", "params.yaml: gate.size: Field required")


def test_a_model_worse_than_the_champion_is_refused(
    champion: Project, unchanged: Unchanged
) -> None:
    """It is good enough for every floor, but the champion is better."""
    edit(champion, "params.yaml", (
        ("maximum_trees: 10", "maximum_trees: 1"), ("maximum_depth: 2", "maximum_depth: 1"),
        ("minimum_gain: -0.10", "minimum_gain: -0.50"),
    ))  # fmt: skip
    champion.must("pipeline")
    with unchanged(champion):
        done = champion.make("gate")
    stopped(done, "gate", f"failed: {AGAINST};", "the champion stays version 1")
    assert failing(champion) == [AGAINST]


def test_a_tie_does_not_promote(champion: Project, unchanged: Unchanged) -> None:
    """Another file with the champion's very predictions is no reason to release."""
    rewrite_model(champion)
    evaluated_as_it_is(champion)
    with unchanged(champion):
        done = champion.make("gate")
    stopped(done, "gate", f"failed: {AGAINST};")
    assert failing(champion) == [AGAINST]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(AGAINST)]
    assert "roc_auc +0.0000 [+0.0000, +0.0000]" in line
    assert "a tie does not promote" in line


def test_the_champion_itself_is_no_release(champion: Project, unchanged: Unchanged) -> None:
    """It passes, is said to be the champion, and nothing is made."""
    with unchanged(champion):
        printed = champion.must("release")
    assert "gate: this model is champion version 1: nothing to release" in printed
    assert read_json(champion, GATE)["verdict"] == "unchanged"


def test_a_champion_that_has_seen_the_holdout_is_no_measure(
    challenger: Project, unchanged: Unchanged
) -> None:
    """An older window holds out what the champion was trained on."""
    edit(challenger, "params.yaml", (
        ('start: "2013-02"', 'start: "2013-01"'), ('end: "2013-03"', 'end: "2013-02"'),
    ))  # fmt: skip
    challenger.must("pipeline")
    with unchanged(challenger):
        done = challenger.make("gate")
    stopped(done, "gate", "holdout unseen by the champion")
    assert "it trained up to 2013-02-28" in done.stdout


def test_a_leak_in_the_source_is_caught_by_the_ceiling(
    champion: Project, unchanged: Unchanged
) -> None:
    """The schedule was updated while flights were under way; every check of the data passes."""
    with flights(champion) as columns:
        for row, label in enumerate(columns["arr_delay"]):
            if label != "NA":
                hours, minutes = divmod(int(columns["sched_arr_time"][row]), 100)
                revised = (hours * 60 + minutes + min(max(int(float(label)), 0), 60)) % 1440
                columns["sched_arr_time"][row] = f"{revised // 60}{revised % 60:02d}"
    edit(champion, "params.yaml", BETTER)
    champion.must("pipeline")
    with unchanged(champion):
        done = champion.make("gate")
    stopped(done, "gate", "failed: roc_auc")
    (first,) = [line for line in done.stdout.splitlines() if line.startswith("roc_auc ")]
    assert float(first.split()[1]) > 0.90


def test_a_target_shuffled_at_the_source_is_refused(
    champion: Project, unchanged: Unchanged
) -> None:
    """Nothing can be learnt from it, and that shows without a champion too."""
    with flights(champion) as columns:
        shuffle_outcomes(columns, lambda row: True)
    champion.must("pipeline")
    with unchanged(champion):
        done = champion.make("release")
    stopped(done, "gate", "failed: roc_auc, ", "the champion stays version 1")
    assert failing(champion) == ["roc_auc", AGAINST]
    first = champion.copy(champion.root.parent / "first" / "flight-delay")
    forget_releases(first)
    with unchanged(first):
        done = first.make("release")
    stopped(done, "gate", "failed: roc_auc; ", "the champion stays unset")
    assert failing(first) == ["roc_auc"]


def test_an_airport_with_wrong_outcomes_shows_in_its_slice(
    challenger: Project, unchanged: Unchanged
) -> None:
    """The whole is good enough; one airport's flights have the outcomes of others."""
    with flights(challenger) as columns:
        shuffle_outcomes(columns, lambda row: columns["origin"][row] == "LGA")
    challenger.must("pipeline")
    challenger.change("params.yaml", "roc_auc, minimum: 0.45}", "roc_auc, minimum: 0.55}")
    with unchanged(challenger):
        done = challenger.make("gate")
    stopped(done, "gate", "slices of origin")
    assert "worst of 3: LGA" in done.stdout
    assert "roc_auc" not in failing(challenger)


def cut_model(project: Project) -> None:
    """Leave half of the model file."""
    content = (project.root / MODEL).read_bytes()
    (project.root / MODEL).write_bytes(content[: len(content) // 2])


def cut_model_unnoticed(project: Project) -> None:
    """Leave half of the model file, and an evaluation that says it is of that."""
    cut_model(project)
    evaluated_as_it_is(project)


def lose_predictions(project: Project) -> None:
    """Leave a part of the predictions."""
    done = project.python("-c", (
        "import polars as pl; path = 'data/holdout_predictions.parquet';"
        "pl.read_parquet(path).head(1000).write_parquet(path)"
    ))  # fmt: skip
    assert done.returncode == 0, done.stderr


def lose_slices(project: Project) -> None:
    """Leave an evaluation without its slices."""
    edit_json(project, EVALUATION, lambda report: report.pop("slices"))


def lose_champion(project: Project) -> None:
    """Leave neither DVC's cache, nor its remote, nor what the gate keeps of the last champion."""
    shutil.rmtree(project.root / ".dvc/cache")
    shutil.rmtree(project.root / ".lifecycle/models")
    unreachable_remote(project)


RAISED = [
    (cut_model, "the evaluation is of another model: run `make pipeline`"),
    (cut_model_unnoticed, "model.ubj is no model that train wrote"),
    (lose_predictions, "holdout_predictions.parquet has 1000 rows and the holdout"),
    (lose_slices, "the gate raised KeyError: 'slices'; nothing is released"),
    (lose_champion, "is not to be had"),
]


@pytest.mark.parametrize(("harm", "words"), RAISED, ids=[case[0].__name__ for case in RAISED])
def test_a_gate_that_raises_fails(
    harm: Callable[[Project], None], words: str, challenger: Project, unchanged: Unchanged
) -> None:
    """Whatever keeps it from judging is a failure, and the report says so."""
    with unchanged(challenger):
        cache = shutil.copytree(challenger.root / ".dvc/cache", challenger.root.parent / "cache")
        harm(challenger)
        done = challenger.make("release")
        shutil.copytree(cache, challenger.root / ".dvc/cache", dirs_exist_ok=True)
    report = read_json(challenger, GATE)
    stopped(done, "gate", words)
    assert report["verdict"] == "fail"
    assert report["reason"].startswith("the gate raised ")


def test_a_registry_that_cannot_be_read_fails(challenger: Project, unchanged: Unchanged) -> None:
    """Without knowing the champion there is no verdict."""
    database = challenger.root / "mlflow.db"
    content = database.read_bytes()
    with unchanged(challenger):
        database.write_bytes(b"nothing of SQLite's" * 1000)
        done = challenger.make("gate")
        database.write_bytes(content)
    stopped(done, "gate", "mlflow.db is broken (file is not a database)", "make history")
    assert failing(challenger) == []
