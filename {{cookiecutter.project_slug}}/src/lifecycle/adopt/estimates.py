"""The project's own model and the gate's baselines, fitted on some rows and measured on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from lifecycle.adopt.splits import Array
from lifecycle.adopt.trial import Problem
from lifecycle.contract import model_file
from lifecycle.core.frames import categories
from lifecycle.tasks import baselines
from lifecycle.tasks.drawn import draws
from project.hyperparameters import Train
from project.model import Target, fit

RESAMPLES, BINS = 100, 10
# So many rows of a noisy copy are of another row; of numbers, so much of the variance.
NOISE = 0.05
Columns = dict[str, Array]


@dataclass(frozen=True)
class Figures:
    """What one split gave, by the first metric that the task shows and by its loss."""

    value: float
    loss: float
    linear: float
    constant: float
    # By bootstrap of the rows held out: of the value, and of what it is above the linear model.
    error: float
    gain_error: float
    noise: float
    calibration: float | None
    held_out: int
    slices: dict[tuple[str, str], float] = field(default_factory=dict)


def settings(train: Train, rows: int, features: int) -> Train:
    """Return hyper-parameters for so many rows: few carry small trees, and need more to stop."""
    is_few = rows < 2_000
    wanted = {
        "early_stopping_share": 0.3 if is_few else 0.15,
        "learning_rate": 0.05 if is_few else 0.1,
        "maximum_depth": 3 if is_few else 5,
        "minimum_child_weight": float(max(1, min(50, rows // 2_500))),
        "column_share": 1.0 if features < 8 else 0.5,
    }
    # Another kind of model has others: those are the owner's.
    return train.model_copy(update={k: v for k, v in wanted.items() if hasattr(train, k)})


def scores(
    columns: Columns, target: Problem, rest: Array, out: Array, train: Train
) -> tuple[Array, Array]:
    """Return what the project's model and the linear one give for the rows that are held out."""
    seen, asked = ({name: values[part] for name, values in columns.items()} for part in (rest, out))
    codes, label = categories(seen, {}), target.label[rest].astype(float)
    classes = target.classes if target.task.name == "multiclass" else 0
    made = fit(seen, label, list(columns), codes, train, Target(target.task.name, classes))
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.ubj"
        path.write_bytes(made.to_bytes({}))
        ours = model_file.load(path).predict(asked)
    line = baselines.predict_linear(target.task, seen, label, asked, codes, train.seed)
    return ours.astype(np.float64), line


def measure(
    rows: pl.DataFrame, columns: Columns, target: Problem, part: tuple[Array, Array],
    train: Train, slices: Sequence[str], least: int,
) -> Figures:  # fmt: skip
    """Fit on one part and return the figures of the other; slices have `least` rows."""
    rest, out = part
    task, label, metric = target.task, target.label[out].astype(float), target.task.shown[0]
    ours, line = scores(columns, target, rest, out, train)
    constant = task.constant(target.label[rest].astype(float), len(out))
    whole = task.score(label, ours, BINS)
    figure = task.drawn[metric]
    index, drawn = draws(np.arange(len(out)), RESAMPLES, train.seed)
    each = figure.by_block(label, ours, index)
    linear = figure.by_block(label, line, index)
    values = np.array([[each(draw), linear(draw)] for draw in drawn])
    found: dict[tuple[str, str], float] = {}
    for name in slices:
        own = rows[name][out]
        for value in own.drop_nulls().unique():
            here = (own == value).fill_null(value=False).to_numpy()
            if here.sum() >= least and task.is_judgeable(label[here]):
                found[name, str(value)] = figure.plain(label[here], ours[here])
    return Figures(
        whole[metric], whole[task.loss], figure.plain(label, line), figure.plain(label, constant),
        float(np.nanstd(values[:, 0])), float(np.nanstd(values[:, 0] - values[:, 1])),
        task.noise(label), whole.get("calibration_error"), len(out), found,
    )  # fmt: skip


def with_leak(
    columns: Columns, target: Problem, part: tuple[Array, Array], train: Train, *, noisy: bool
) -> tuple[float, float]:
    """Return metric and loss where a copy of the target is among the columns."""
    random = np.random.default_rng(train.seed)
    label = target.label.astype(float)
    if noisy and target.classes:
        label = np.where(random.random(len(label)) < NOISE, random.permutation(label), label)
    elif noisy:
        label = label + random.normal(0, label.std() * np.sqrt(NOISE), len(label))
    made, _ = scores({**columns, "_leak": label}, target, *part, train)
    task, own = target.task, target.label[part[1]].astype(float)
    found = task.score(own, made, BINS)
    return found[task.shown[0]], found[task.loss]
