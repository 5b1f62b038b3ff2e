"""Tune writes its values where they belong, and nothing else."""

from __future__ import annotations

import argparse
from pathlib import Path

import optuna
import pytest
from pydantic import BaseModel

from lifecycle.contract.errors import StageError
from lifecycle.core import edited_yaml
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import tune
from lifecycle.records import tracking

BEST = {"learning_rate": 0.05, "maximum_depth": 7, "minimum_child_weight": 3.5}


class Ranges(BaseModel):
    """What an owner may let be searched."""

    trials: int = 1
    timeout_seconds: int = 1
    whole: tuple[int, int] = (3, 29)
    whole_of_tens: tuple[int, int] = (3, 30)
    share: tuple[float, float] = (0.1, 0.99)
    rate: tuple[float, float] = (0.1, 1.0)
    from_nothing: tuple[float, float] = (0.0, 100.0)


def test_what_is_searched_and_how_is_said_by_the_range() -> None:
    """Whole numbers among whole numbers, and by the logarithm what spans a factor of ten."""
    trial = optuna.create_study().ask()
    found = tune.suggest(trial, Ranges())  # type: ignore[arg-type]
    assert found == trial.params
    kinds = {
        name: (type(one).__name__.removesuffix("Distribution"), one.log)
        for name, one in trial.distributions.items()
    }
    assert kinds == {
        "whole": ("Int", False), "whole_of_tens": ("Int", True), "share": ("Float", False),
        "rate": ("Float", True), "from_nothing": ("Float", False),
    }  # fmt: skip


def test_only_the_train_section_changes_and_comments_stay(root: Path, tmp_path: Path) -> None:
    before = (root / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(before, encoding="utf-8")
    best = {f"train.{name}": value for name, value in BEST.items()}
    edited_yaml.rewrite(path, best)
    after = path.read_text(encoding="utf-8")
    # Writing twice is writing once.
    edited_yaml.rewrite(path, best)
    assert path.read_text(encoding="utf-8") == after
    pairs = list(zip(before.splitlines(), after.splitlines(), strict=True))
    assert {old.split(":")[0].strip() for old, new in pairs if old != new} == set(BEST)
    old, new = load_params(root / "params.yaml"), load_params(path)
    assert new.train == old.train.model_copy(update=BEST)
    assert new.model_copy(update={"train": old.train}) == old


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
