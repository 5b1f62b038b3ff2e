"""How good a model of this data is, and what the gate may ask: measured, not guessed.

A small model of another library is measured several times, on other rows held out or with other
seeds, besides a constant and a linear one. Floors lie halfway between knowing nothing and the worst
of them, ceilings halfway between the best and knowing all: a shuffled target falls below the first,
a leak that is kept lies above the second. Where noise alone reaches the floor, the data is too
small to judge, and that is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.adopt import estimates, trial
from lifecycle.adopt.trial import Problem

Array = NDArray[Any]
# What each task is judged by (core/metric_names), and what knowing all would have.
METRIC = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}
PERFECT = 1.0
ROWS, TIMES, HELD_OUT = 30_000, 5, 0.2
# So near to perfect nothing tells a leak from a target that is easy.
NO_ROOM = 0.9985


@dataclass(frozen=True)
class Measured:
    """What models of this data have, by the metric of the task."""

    metric: str
    constant: float
    linear: list[float]
    values: list[float]
    # Of one figure: by bootstrap of the rows held out.
    error: float
    # What a model of a shuffled target may have by chance, above the constant.
    noise: float
    held_out: int
    slices: dict[str, list[float]] = field(default_factory=dict)

    @property
    def lower(self) -> float:
        """What an honest model has at least."""
        return min(self.values) - self.error

    @property
    def upper(self) -> float:
        """What an honest model has at most."""
        return min(PERFECT, max(self.values) + 2 * self.error)

    @property
    def is_enough(self) -> bool:
        """Whether an honest model can be told from one that knows nothing."""
        return self.lower > self.constant + self.noise

    @property
    def floor(self) -> float:
        """The least that the gate lets through."""
        middle = (self.constant + self.lower) / 2
        return _down(max(middle, self.constant + self.noise))

    @property
    def ceiling(self) -> float | None:
        """The most that it lets through; None where that is no sign of a leak."""
        if max(self.values) > NO_ROOM:
            return None
        return _up(min((self.upper + PERFECT) / 2, 0.9995) if self.upper < PERFECT else 0.9995)

    @property
    def is_linear(self) -> bool:
        """Whether a linear model does as well as trees on average."""
        return sum(self.values) <= sum(self.linear)

    @property
    def gain(self) -> float:
        """By how much to beat baselines: less than nought where a linear one does as well."""
        least = min(v - w for v, w in zip(self.values, self.linear, strict=True))
        return min(0.01, _down(least - 2 * self.error))


def measure(
    sample: pl.DataFrame,
    features: list[str],
    target: str,
    task: str,
    *,
    positive: str | None = None,
    time: str | None = None,
    group: str | None = None,
    slices: list[str] = [],  # noqa: B006
) -> Measured:
    """Measure models on rows that are held out as prepare holds them out.

    Args:
        sample: Rows with every column in its type.
        features: What the model is given.
        target: What is predicted.
        task: Its task.
        positive: Of two texts the one that is predicted.
        time: By which the newest rows are held out.
        group: Whose rows stay together, where there is no time.
        slices: Columns whose values are measured by themselves.
    """
    rows = sample.filter(pl.col(target).is_not_null())
    rows = rows.sort(time) if time else rows
    rows = rows.gather_every(max(1, -(-rows.height // ROWS)))
    label = trial.problem(rows[target], task, positive, is_ranked=False)
    columns = [trial.encoded(rows[name]) for name in features]
    matrix = np.column_stack([numbers for numbers, _ in columns])
    categorical = [is_code for _, is_code in columns]
    values, linear, errors, noises, constants = [], [], [], [], []
    by_slice: dict[str, list[float]] = {}
    held = 0
    for number in range(TIMES):
        out = _held_out(rows, time, group, number)
        if not _can(label, out):
            continue
        fitted = estimates.boosting(label, categorical, number).fit(matrix[~out], label.label[~out])
        scores = estimates.scored(fitted, matrix[out], label)
        values.append(estimates.metric(label, label.label[out], scores))
        line = estimates.linear(label).fit(
            estimates.dense(matrix, categorical)[~out], label.label[~out]
        )
        plain = estimates.scored(line, estimates.dense(matrix, categorical)[out], label)
        linear.append(estimates.metric(label, label.label[out], plain))
        errors.append(estimates.error(label, label.label[out], scores, number))
        constants.append(estimates.constant(label, out))
        noises.append(estimates.noise(label, label.label[out]))
        held = int(out.sum())
        for name in slices:
            _of_slices(by_slice, name, rows[name].filter(pl.Series(out)), label,
                       label.label[out], scores)  # fmt: skip
    if not values:
        constant = 0.5 if task == "binary" else 0.0
        return Measured(METRIC[task], constant, [constant], [constant], 1.0, 1.0, 0)
    constant = float(np.mean(constants))
    return Measured(METRIC[task], constant, linear, values, max(errors), max(noises), held,
                    by_slice)  # fmt: skip


def _held_out(rows: pl.DataFrame, time: str | None, group: str | None, number: int) -> Array:
    """Return which rows are held out: the newest, or other groups or rows each time."""
    count = rows.height
    if time:
        # The newest fifth, and then the same with a few days more or less.
        share = HELD_OUT * (1 + 0.1 * (number - TIMES // 2))
        return np.arange(count) >= int(count * (1 - share))
    random = np.random.default_rng(number)
    if group:
        code = rows[group].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
        chosen = random.random(int(code.max()) + 1) < HELD_OUT
        return np.asarray(chosen[code])
    out = np.zeros(count, bool)
    out[random.permutation(count)[: int(count * HELD_OUT)]] = True
    return out


def _can(target: Problem, out: Array) -> bool:
    if min(out.sum(), (~out).sum()) < 10:
        return False
    return target.is_number or all(len(np.unique(target.label[part])) > 1 for part in (out, ~out))


def _of_slices(
    found: dict[str, list[float]], name: str, values: pl.Series, target: Problem,
    label: Array, scores: Array,
) -> None:  # fmt: skip
    """Add the metric of each value of a column that has rows enough of each kind."""
    for value in values.drop_nulls().unique():
        rows = (values == value).fill_null(value=False).to_numpy()
        if rows.sum() < 20 or len(np.unique(label[rows])) < 2:
            continue
        found.setdefault(name, []).append(estimates.metric(target, label[rows], scores[rows]))


def _down(value: float) -> float:
    return math.floor(value * 100) / 100


def _up(value: float) -> float:
    return math.ceil(value * 10_000) / 10_000 if value > 0.99 else math.ceil(value * 100) / 100
