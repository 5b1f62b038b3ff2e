"""Tune searches hyper-parameters on the training part alone; the holdout is never read.

Every trial is a nested MLflow run. The best values are printed, and written to params.yaml only
with --write. (ML Test Score, Model 3.)
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays
from lifecycle.core.params import Params, load_params
from lifecycle.core.terminal import working
from lifecycle.records import tracking
from project.hyperparameters import Train, Tune
from project.model import category_codes, fit

INTEGERS = ("maximum_depth",)
LOGARITHMIC = ("learning_rate", "minimum_child_weight")


def suggest(trial: Any, ranges: Tune) -> dict[str, float]:
    """Ask a trial for one value of each range in params.yaml."""
    found: dict[str, float] = {}
    for name, bounds in ranges.model_dump(exclude={"trials", "timeout_seconds"}).items():
        if name in INTEGERS:
            found[name] = trial.suggest_int(name, *bounds)
        else:
            found[name] = trial.suggest_float(name, *bounds, log=name in LOGARITHMIC)
    return found


def rewrite(text: str, best: dict[str, float]) -> str:
    """Return params.yaml with the values of its train section replaced, comments kept.

    Raises:
        StageError: a key is not there.
    """
    start = text.index("\ntrain:") + 1
    following = re.compile(r"^\S", re.MULTILINE).search(text, start + len("train:"))
    end = following.start() if following else len(text)
    section = text[start:end]
    for name, value in best.items():
        section, found = re.subn(rf"(?m)^(  {name}:) .*$", rf"\1 {value}", section)
        if not found:
            raise StageError(f"params.yaml has no train.{name} to write to")
    return text[:start] + section + text[end:]


def search(root: Path, params: Params) -> tuple[dict[str, float], float]:
    """Return the best values and their area on the early-stopping rows."""
    import optuna

    schema = load_schema()
    frame = pl.read_parquet(root / params.paths.train, glob=False)
    names = features.names(schema)
    columns = arrays(frame, names)
    label = frame[schema.target].cast(pl.Float64).to_numpy()
    codes = category_codes(
        {n: list(columns[n]) for n in names if columns[n].dtype == object},
        schema.private_categories,
    )
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
            area = float(np.max(fit(columns, label, names, codes, settings).curve))
            mlflow.log_params(chosen)
            mlflow.log_metric("early_stopping_roc_auc", area)
        print(f"tune: trial {trial.number + 1} of {params.tune.trials}: {area:.4f}", flush=True)
        return area

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
        mlflow.log_metric("early_stopping_roc_auc", study.best_value)
    return {name: round(v, 4) for name, v in study.best_params.items()}, study.best_value


def main(given: argparse.Namespace) -> None:
    """Search, print the best values, and write them back where that is asked for."""
    root, params = project_root(), load_params()
    if not (root / params.paths.train).is_file():
        raise StageError(f"{params.paths.train} is missing: run `make pipeline`")
    best, area = search(root, params)
    print(f"tune: best area {area:.4f} on the newest rows of train, with")
    for name, value in best.items():
        print(f"  {name}: {value}")
    if given.write:
        path = root / "params.yaml"
        write_text(path, rewrite(path.read_text(encoding="utf-8"), best))
        print("tune: written to params.yaml; next: make pipeline")
    else:
        print("tune: nothing is changed; to write these to params.yaml: make tune WRITE=1")
