"""Models of another library, and a metric of each task with its errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lifecycle.adopt.trial import Problem

Array = NDArray[Any]
RESAMPLES = 100


def boosting(target: Problem, categorical: list[bool], seed: int) -> Any:
    """Return boosted trees of a size that so many rows carry."""
    few = len(target.label) < 2_000
    settings: dict[str, Any] = {
        "max_iter": 100, "learning_rate": 0.05 if few else 0.1, "random_state": seed,
        "categorical_features": categorical, "early_stopping": False,
        "min_samples_leaf": max(3, min(50, len(target.label) // 100)),
        "max_leaf_nodes": 8 if few else 31, "max_features": 0.8,
    }  # fmt: skip
    if target.is_number:
        return HistGradientBoostingRegressor(**settings)
    return HistGradientBoostingClassifier(**settings)


def linear(target: Problem) -> Any:
    """Return a linear model on scaled columns."""
    last = Ridge() if target.is_number else LogisticRegression(max_iter=300)
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True),
                         StandardScaler(), last)  # fmt: skip


def dense(matrix: Array, categorical: list[bool]) -> Array:
    """Return the matrix with each code of a category as a column of its own (the first twenty)."""
    parts = []
    for index, is_code in enumerate(categorical):
        column = matrix[:, index]
        if is_code:
            parts += [(column == code).astype(float) for code in range(20)]
        else:
            parts.append(column)
    return np.column_stack(parts)


def scored(model: Any, matrix: Array, target: Problem) -> Array:
    """Return probabilities (rows x classes), or numbers."""
    if target.is_number:
        return np.asarray(model.predict(matrix))
    made = np.zeros((len(matrix), int(target.label.max()) + 1))
    made[:, model.classes_] = model.predict_proba(matrix)
    return made


def metric(target: Problem, label: Array, scores: Array) -> float:
    """Return the metric of the task."""
    if target.is_number:
        return float(r2_score(label, scores))
    if target.task == "binary":
        return float(roc_auc_score(label, scores[:, 1]))
    return float(accuracy_score(label, scores.argmax(axis=1)))


def constant(target: Problem, out: Array) -> float:
    """Return the metric of who knows the rows to train on, and no column."""
    if target.is_number:
        return 0.0
    if target.task == "binary":
        return 0.5
    most = np.bincount(target.label[~out]).argmax()
    return float((target.label[out] == most).mean())


def noise(target: Problem, label: Array) -> float:
    """Return three standard errors of the metric where nothing is known.

    Of the area: Mann and Whitney, "On a Test of Whether one of Two Random Variables is
    Stochastically Larger than the Other" (1947); of a share, the binomial one.
    """
    count = len(label)
    if target.is_number:
        return max(0.02, 9 / count)
    if target.task == "binary":
        ones = float(label.sum())
        zeros = count - ones
        return 3 * math.sqrt((count + 1) / (12 * ones * zeros))
    most = np.bincount(label).max() / count
    return 3 * math.sqrt(most * (1 - most) / count)


def error(target: Problem, label: Array, scores: Array, seed: int) -> float:
    """Return the standard error of the metric, by bootstrap of the rows."""
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        picked = random.integers(0, len(label), len(label))
        if target.is_number or len(np.unique(label[picked])) > 1:
            drawn.append(metric(target, label[picked], scores[picked]))
    return float(np.std(drawn)) if drawn else 1.0
