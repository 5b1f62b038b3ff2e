"""Two baselines that a model must beat: a constant, and a linear model (ML Test Score, Model 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from project.model import Categories, encode

Array = NDArray[Any]


def constant(label: Array, rows: int) -> Array:
    """Predict the training share of positives for each of `rows` rows."""
    return np.full(rows, label.mean())


def linear(numeric: list[int], categorical: list[int], seed: int) -> Pipeline:
    """Return logistic regression on scaled numbers and one-hot categories, by column index."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    # Code -1 stands for missing; a category of the holdout that train never saw is all zeros.
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1), OneHotEncoder(handle_unknown="ignore")
    )
    return make_pipeline(
        ColumnTransformer([("numbers", numbers, numeric), ("categories", categories, categorical)]),
        LogisticRegression(max_iter=200, random_state=seed),
    )


def predict_linear(
    train: dict[str, Array],
    label: Array,
    holdout: dict[str, Array],
    categories: Categories,
    seed: int,
) -> Array:
    """Fit the linear model on `train` and return its probabilities for `holdout`."""
    names = list(train)
    codes = {name: {v: i for i, v in enumerate(vs)} for name, vs in categories.items()}
    categorical = [i for i, name in enumerate(names) if name in categories]
    numeric = [i for i, name in enumerate(names) if name not in categories]
    model = linear(numeric, categorical, seed).fit(encode(train, names, codes), label)
    probabilities: Array = model.predict_proba(encode(holdout, names, codes))[:, 1]
    return probabilities
