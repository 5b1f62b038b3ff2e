"""The linear model that a model must beat, beside a constant (ML Test Score, Model 5)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lifecycle.tasks.task import Task

Array = NDArray[Any]


def linear(numeric: list[int], categorical: list[int], estimator: Any) -> Pipeline:
    """Return a linear model on scaled numbers and one-hot categories, by column index."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    # Code -1 stands for missing; a category of the holdout that train never saw is all zeros.
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1), OneHotEncoder(handle_unknown="ignore")
    )
    return make_pipeline(
        ColumnTransformer([("numbers", numbers, numeric), ("categories", categories, categorical)]),
        estimator,
    )


def _matrix(columns: Mapping[str, Array], categories: Mapping[str, Sequence[str]]) -> Array:
    """Return rows x features; of text its number among the categories, NaN where it is none."""
    codes = {name: {v: i for i, v in enumerate(vs)} for name, vs in categories.items()}
    found = [
        [codes[name].get(value, np.nan) for value in values] if name in codes else values
        for name, values in columns.items()
    ]
    return np.column_stack([np.asarray(values, np.float32) for values in found])


def predict_linear(
    task: Task,
    train: dict[str, Array],
    label: Array,
    holdout: dict[str, Array],
    categories: Mapping[str, Sequence[str]],
    seed: int,
) -> Array:
    """Fit the task's linear model on `train` and return its scores for `holdout`."""
    names = list(train)
    categorical = [i for i, name in enumerate(names) if name in categories]
    numeric = [i for i, name in enumerate(names) if name not in categories]
    model = linear(numeric, categorical, task.estimator(seed))
    with warnings.catch_warnings():
        # A baseline that has not wholly converged is one all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(_matrix(train, categories), label)
    rows = _matrix({name: holdout[name] for name in names}, categories)
    return task.estimated(model, rows)
