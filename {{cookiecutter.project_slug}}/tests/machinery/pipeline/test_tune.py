"""Tune writes its values where they belong, and nothing else."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import tune
from lifecycle.records import tracking

BEST = {"learning_rate": 0.05, "maximum_depth": 7, "minimum_child_weight": 3.5}


def test_only_the_train_section_changes_and_comments_stay(root: Path, tmp_path: Path) -> None:
    before = (root / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(tune.rewrite(before, BEST), encoding="utf-8")
    after = path.read_text(encoding="utf-8")
    pairs = list(zip(before.splitlines(), after.splitlines(), strict=True))
    assert {old.split(":")[0].strip() for old, new in pairs if old != new} == set(BEST)
    old, new = load_params(root / "params.yaml"), load_params(path)
    assert new.train == old.train.model_copy(update=BEST)
    assert new.model_copy(update={"train": old.train}) == old


def test_writing_twice_is_writing_once(root: Path) -> None:
    once = tune.rewrite((root / "params.yaml").read_text(encoding="utf-8"), BEST)
    assert tune.rewrite(once, BEST) == once


def test_the_last_section_can_be_written_to() -> None:
    assert tune.rewrite("a: 1\ntrain:\n  seed: 1\n", {"seed": 2}) == "a: 1\ntrain:\n  seed: 2\n"


def test_a_key_that_is_not_there_is_refused(root: Path) -> None:
    with pytest.raises(StageError, match=r"params\.yaml has no train\.momentum to write to"):
        tune.rewrite((root / "params.yaml").read_text(encoding="utf-8"), {"momentum": 0.9})


def test_the_search_never_reads_the_holdout_and_logs_nested_runs(
    project: Path, params: Params
) -> None:
    (project / params.paths.holdout).unlink()
    best, area = tune.search(project, params)
    low, high = params.tune.learning_rate
    assert low <= best["learning_rate"] <= high
    assert 0.5 < area < 1
    mlflow = tracking.connect(project)
    experiment = tracking.experiment(mlflow, project, params.project.name)
    runs = mlflow.MlflowClient().search_runs([experiment])
    parents = [run.data.tags.get("mlflow.parentRunId") for run in runs]
    assert sum(parent is not None for parent in parents) == params.tune.trials


def test_tune_without_a_training_part_says_what_to_run(project: Path, params: Params) -> None:
    (project / params.paths.train).unlink()
    with pytest.raises(StageError, match="is missing: run `make pipeline`"):
        tune.main(argparse.Namespace(write=False))
