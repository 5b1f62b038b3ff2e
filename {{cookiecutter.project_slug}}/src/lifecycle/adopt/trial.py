"""Small models on some rows, out of fold: how well columns predict the target.

How well that is, the task says (`skill`): 0 for knowing nothing, 1 for knowing all. Numbers are
taken as their ranks, so that one large value decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from lifecycle.tasks.chosen import TASKS
from lifecycle.tasks.task import Task

Array = NDArray[Any]
FOLDS = 3
DEPTH, LEAF_SHARE = 4, 0.005
TREES = 60
# Of a column of text so many values are told apart; scikit-learn takes no more of a category.
MOST_CODES = 250


@dataclass(frozen=True)
class Problem:
    """The target of some rows as numbers: 0 and 1, the number of a class, or a rank."""

    task: Task
    label: Array

    @property
    def classes(self) -> int:
        """How many classes there are; 0 where numbers are predicted."""
        return int(self.label.max()) + 1 if self.task.has_classes else 0

    @property
    def columns(self) -> Array:
        """The target as it is averaged: a column a class, or the numbers as one."""
        return np.eye(self.classes)[self.label] if self.classes else self.label[:, None]


def problem(
    values: pl.Series, task: str, positive: str | None = None, *, is_ranked: bool = True
) -> Problem:
    """Return the target of rows that all have one; numbers as their ranks, or as they are."""
    chosen = TASKS[task]
    if not chosen.has_classes:
        numbers = values.cast(pl.Float64)
        if is_ranked:
            numbers = numbers.rank("average") / len(numbers)
        return Problem(chosen, numbers.to_numpy())
    if positive is not None:
        return Problem(chosen, (values.cast(pl.String) == positive).cast(pl.Int8).to_numpy())
    return Problem(chosen, (values.cast(pl.String).rank("dense") - 1).cast(pl.Int32).to_numpy())


def encoded(values: pl.Series) -> tuple[Array, bool]:
    """Return a column as numbers, NaN for null, and whether they are codes of categories."""
    if values.dtype == pl.String:
        counts = values.drop_nulls().value_counts(sort=True)
        first = counts[values.name].head(MOST_CODES - 1).to_list() if len(counts) else []
        codes = {one: float(code) for code, one in enumerate(first)}
        found = [np.nan if one is None else codes.get(one, float(len(first))) for one in values]
        return np.array(found, float), True
    if values.dtype == pl.Datetime:
        return values.dt.epoch("s").cast(pl.Float64).to_numpy(), False
    return values.cast(pl.Float64).to_numpy(), False


def folds(rows: int) -> Array:
    """Return the fold of each row: in turn, so that all of them have every time and group."""
    return np.arange(rows) % FOLDS


def alone(values: pl.Series, target: Problem) -> float:
    """Return the skill of one column by itself: a shallow tree, or the mean of each category."""
    numbers, is_code = encoded(values)
    fold = folds(len(numbers))
    made = _of_codes(numbers, target, fold) if is_code else _of_tree(numbers, target, fold)
    return target.task.skill(target.label, made)


def together(frame: pl.DataFrame, names: list[str], target: Problem, seed: int = 0) -> Array:
    """Return what all columns predict out of fold: probabilities (rows x classes) or numbers."""
    columns = [encoded(frame[name]) for name in names]
    matrix = np.column_stack([numbers for numbers, _ in columns])
    categorical = [is_code for _, is_code in columns]
    fold = folds(frame.height)
    return _out_of_fold(target, fold, lambda rows: _boosting(target, categorical, seed).fit(
        matrix[rows], target.label[rows]), matrix)  # fmt: skip


def avoided(codes: Array, target: Problem) -> float:
    """Return the share of the most frequent class's mistakes that a code avoids (lambda)."""
    number = np.where(np.isnan(codes), MOST_CODES, codes).astype(int)
    table = np.zeros((MOST_CODES + 1, target.classes))
    np.add.at(table, (number, target.label), 1)
    most = table.sum(axis=0).max()
    return float((table.max(axis=1).sum() - most) / (len(codes) - most))


def _boosting(target: Problem, categorical: list[bool], seed: int) -> Any:
    settings = {"max_iter": TREES, "categorical_features": categorical, "random_state": seed,
                "early_stopping": False, "min_samples_leaf": 10, "max_leaf_nodes": 15}  # fmt: skip
    if target.classes:
        return HistGradientBoostingClassifier(**settings)
    return HistGradientBoostingRegressor(**settings)


def _of_tree(numbers: Array, target: Problem, fold: Array) -> Array:
    settings: dict[str, Any] = {
        "max_depth": DEPTH, "random_state": 0,
        "min_samples_leaf": max(2, int(LEAF_SHARE * len(numbers))),
    }  # fmt: skip
    kind = DecisionTreeClassifier if target.classes else DecisionTreeRegressor
    column = numbers.reshape(-1, 1)
    return _out_of_fold(target, fold, lambda rows: kind(**settings).fit(
        column[rows], target.label[rows]), column)  # fmt: skip


def _of_codes(codes: Array, target: Problem, fold: Array) -> Array:
    """Return, for each row, the mean of the target among rows of its category in other folds."""
    number = np.where(np.isnan(codes), MOST_CODES, codes).astype(int)
    wide = target.columns
    made = np.zeros(wide.shape)
    for one in range(FOLDS):
        rest, here = fold != one, fold == one
        mean = wide[rest].mean(axis=0)
        count = np.bincount(number[rest], minlength=MOST_CODES + 1)[:, None]
        sums = np.stack([np.bincount(number[rest], wide[rest, k], MOST_CODES + 1)
                         for k in range(wide.shape[1])], axis=1)  # fmt: skip
        # A category of few rows says little: it counts as if it had one more row, of the mean.
        made[here] = ((sums + mean) / (count + 1))[number[here]]
    return target.task.of_columns(made)


def _out_of_fold(target: Problem, fold: Array, fit: Any, matrix: Array) -> Array:
    made = np.zeros((len(fold), target.classes or 1))
    for one in range(FOLDS):
        model, here = fit(fold != one), fold == one
        if target.classes:
            # A class that the other folds have not is not predicted.
            made[np.ix_(here, model.classes_)] = model.predict_proba(matrix[here])
        else:
            made[here, 0] = model.predict(matrix[here])
    return target.task.of_columns(made)
