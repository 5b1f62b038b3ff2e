"""The model's file, read by the project's own code; and what the lifecycle asks of that code.

src/project/model.py imports nothing from here: that it fits, the type checker says where both meet.
Beside these two it has `fit(columns, label, names, categories, params, target) -> Fit`: features by
name (floats with NaN for null, text as objects with None), a number for each row in the order of
time (0 or 1, the number of a class, or a value), the features' names, what `frames.categories`
gives, the section `train` of params.yaml, and `Target(task, classes)`: binary, multiclass or
regression, and how many classes there are. The same arguments give the same bytes.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lifecycle.contract.errors import StageError
from project import model


class Model(Protocol):
    """A fitted model as `Model.load(path)` gives it, which raises ValueError for any other file."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it reads."""

    @property
    def codes(self) -> Mapping[str, Container[str]]:
        """The values that training saw of each feature that is text; others count as unknown."""

    @property
    def fitted(self) -> Mapping[str, Any]:
        """What the features have learnt, as `Fit.to_bytes` was given it."""

    def predict(self, columns: Mapping[str, Any]) -> NDArray[np.float32]:
        """Return each row's score: the same alone and among others, whoever asks.

        Binary: the probability; regression: the value; multiclass: rows x classes, a probability
        for each class, all of them 1 together.
        """

    def contributions(self, columns: Mapping[str, Any]) -> NDArray[np.floating[Any]] | None:
        """Return what each feature adds to each row's score (log odds), and last the bias.

        Of several classes: rows x classes x features and bias. Or None, whatever the rows: this
        kind of model has no attributions.
        """


class Fit(Protocol):
    """What `fit` returns."""

    @property
    def score(self) -> float:
        """What `tune` makes as large as it can: on rows of train that it was not fitted on."""

    @property
    def figures(self) -> Mapping[str, float | list[float]]:
        """What the run in MLflow tells of the fit; a list is one figure a round."""

    def to_bytes(self, fitted: Mapping[str, Any]) -> bytes:
        """Return the model file's content: no pickle. `fitted` is JSON, for `Model.fitted`."""


def load(path: Path) -> Model:
    """Read a model file.

    Raises:
        StageError: the file is missing or is no model of this project.
    """
    try:
        return model.Model.load(path)
    except ValueError as error:
        raise StageError(str(error)) from None
