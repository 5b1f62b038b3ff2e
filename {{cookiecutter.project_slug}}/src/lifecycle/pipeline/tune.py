"""Tune searches hyper-parameters on the training part alone; the holdout is never read.

Every trial is a nested MLflow run. A range of whole numbers is searched for whole numbers, one that
spans a factor of ten or more by its logarithm. The best values are printed, and written to
params.yaml only with --write. (ML Test Score, Model 3.)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.model_file import Fit
from lifecycle.core import edited_yaml
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays, categories, labels
from lifecycle.core.params import Params, load_params
from lifecycle.core.terminal import working
from lifecycle.records import tracking
from project.hyperparameters import Train, Tune
from project.model import Target, fit

SPAN = 10


def suggest(trial: Any, ranges: Tune) -> dict[str, float]:
    """Ask a trial for one value of each range in params.yaml."""
    found: dict[str, float] = {}
    for name, (low, high) in ranges.model_dump(exclude={"trials", "timeout_seconds"}).items():
        ask = trial.suggest_int if isinstance(low, int) else trial.suggest_float
        found[name] = ask(name, low, high, log=0 < low * SPAN <= high)
    return found


def search(root: Path, params: Params) -> tuple[dict[str, float], float]:
    """Return the best values and their score, as the fit gives it."""
    import optuna

    schema = load_schema()
    frame = pl.read_parquet(root / params.paths.train, glob=False)
    names = features.names(schema)
    columns = arrays(frame, names)
    label = labels(frame, schema)
    target = Target(schema.task, len(schema.classes))
    codes = categories(columns, schema.private_categories)
    mlflow = tracking.connect(root)
    experiment = tracking.experiment(mlflow, root, params.project.name)
    tracking.close_interrupted(mlflow, experiment)
    owner = tracking.process_tag()

    def objective(trial: Any) -> float:
        chosen = suggest(trial, params.tune)
        settings: Train = params.train.model_copy(update=chosen)
        with mlflow.start_run(
            experiment_id=experiment, nested=True, run_name=f"trial {trial.number}", tags=owner
        ):
            try:
                fitted: Fit = fit(columns, label, names, codes, settings, target)
            except ValueError as error:
                raise StageError(str(error)) from None
            mlflow.log_params(chosen)
            mlflow.log_metric("score", fitted.score)
        said = f"trial {trial.number + 1} of {params.tune.trials}: {fitted.score:.4f}"
        print(f"tune: {said}", flush=True)
        return fitted.score

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=params.train.seed)
    )
    with (
        mlflow.start_run(experiment_id=experiment, run_name="tune", tags=owner),
        working("tune", params.tune.trials) as done,
    ):
        study.optimize(
            objective, params.tune.trials, timeout=params.tune.timeout_seconds,
            callbacks=[lambda _, trial: done(trial.number + 1)],
        )  # fmt: skip
        mlflow.log_params(study.best_params)
        mlflow.log_metric("score", study.best_value)
    return {name: _short(value) for name, value in study.best_params.items()}, study.best_value


def _short(value: float) -> float:
    """Return four digits of a value, also of a small one; a whole number stays one."""
    return float(f"{value:.4g}") if 0 < value < 0.01 else round(value, 4)


def main(given: argparse.Namespace) -> None:
    """Search, print the best values, and write them back where that is asked for."""
    root, params = project_root(), load_params()
    if not (root / params.paths.train).is_file():
        raise StageError(f"{params.paths.train} is missing", "run `make pipeline`")
    best, score = search(root, params)
    print(f"tune: best score {score:.4f}, with")
    for name, value in best.items():
        print(f"  {name}: {value}")
    if given.write:
        edited_yaml.rewrite(root / "params.yaml", {f"train.{n}": v for n, v in best.items()})
        print("tune: written to params.yaml; next: make pipeline")
    else:
        print("tune: nothing is changed; to write these to params.yaml: make tune WRITE=1")
