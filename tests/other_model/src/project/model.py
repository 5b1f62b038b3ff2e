"""The model: logistic regression, fitted by scikit-learn and computed by numpy.

The file is JSON: what the pipeline of scikit-learn has learnt, and nothing is pickled. What answers
requests has no scikit-learn, so it is imported where it fits, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from project.hyperparameters import Train

Floats = NDArray[np.float32]
Weights = Mapping[str, Mapping[str, float]]
KIND = "logistic regression"


class Target(NamedTuple):
    """What is predicted: this kind of model knows yes or no alone."""

    task: str
    classes: int = 0


@dataclass(frozen=True)
class Model:
    """A fitted model: features by name in, probabilities out."""

    names: tuple[str, ...]
    # Of numbers `missing` (what stands for a null), `mean`, `scale` and `weight`; of text the
    # weight of each value, all others weigh nothing.
    numbers: Weights
    codes: Weights
    bias: float
    fitted: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read a model file.

        Raises:
            ValueError: the file is missing or is no model of ours.
        """
        try:
            found = json.loads(path.read_bytes())
            if found.pop("kind") != KIND:
                raise ValueError(f"it is no {KIND}")
            return cls(tuple(found.pop("names")), **found)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no model that train wrote: {error}") from None

    def predict(self, columns: Mapping[str, Any]) -> Floats:
        """Return the probability of the target for each row of `columns` (arrays by name)."""
        log_odds = np.full(len(columns[self.names[0]]), self.bias)
        for name in self.names:
            values = columns[name]
            if name in self.codes:
                log_odds += np.array([self.codes[name].get(value, 0.0) for value in values])
            else:
                learnt = self.numbers[name]
                known = np.where(np.isnan(values), learnt["missing"], values)
                log_odds += (known - learnt["mean"]) / learnt["scale"] * learnt["weight"]
        probability: Floats = (1 / (1 + np.exp(-log_odds))).astype(np.float32)
        return probability

    def contributions(self, columns: Mapping[str, Any]) -> None:
        """Return nothing: this kind of model has no attributions."""


@dataclass(frozen=True)
class Fit:
    """A fitted model and how it came about: the area on the newest rows of train."""

    content: Mapping[str, Any]
    score: float

    @property
    def figures(self) -> dict[str, float | list[float]]:
        """What the run in MLflow tells of the fit."""
        return {"newest_roc_auc": self.score}

    def to_bytes(self, fitted: Mapping[str, Any] | None = None) -> bytes:
        """Return the model file's content; `fitted` is what `Model.load` gives back (JSON)."""
        return json.dumps({**self.content, "fitted": fitted or {}}, sort_keys=True).encode()


def pipeline(numbers: list[str], texts: Mapping[str, Sequence[str]], params: Train) -> Any:
    """Return the pipeline, not fitted: numbers imputed and scaled, one-hot the values of `texts`.

    What is none of these values, as a null, has no weight.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    values = [list(found) for found in texts.values()]
    one_hot = OneHotEncoder(categories=values, handle_unknown="ignore")
    return make_pipeline(
        ColumnTransformer([("numbers", scaled, numbers), ("texts", one_hot, list(texts))]),
        LogisticRegression(
            C=params.inverse_regularisation,
            max_iter=params.iterations,
            random_state=params.seed,
        ),
    )


def fit(
    columns: Mapping[str, Any],
    label: NDArray[Any],
    names: Sequence[str],
    categories: Mapping[str, Sequence[str]],
    params: Train,
    target: Target,
) -> Fit:
    """Fit on rows in time order: the newest share of them gives the score, then all are used."""
    import pandas as pd
    from sklearn.metrics import roc_auc_score

    numbers = [name for name in names if name not in categories]
    frame = pd.DataFrame({name: columns[name] for name in names})
    frame = frame.fillna(dict.fromkeys(categories, ""))
    cut = int(len(label) * (1 - params.newest_share))
    early = pipeline(numbers, categories, params).fit(frame[:cut], label[:cut])
    score = roc_auc_score(label[cut:], early.predict_proba(frame[cut:])[:, 1])
    transformed, logistic = pipeline(numbers, categories, params).fit(frame, label)
    learnt = _learnt(transformed, logistic, numbers, categories)
    return Fit({"kind": KIND, "names": list(names), **learnt}, float(score))


def _learnt(
    transformed: Any, logistic: Any, numbers: list[str], texts: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return what the fitted pipeline has learnt, as the file has it."""
    imputer, scaler = transformed.named_transformers_["numbers"]
    weights = iter(logistic.coef_[0].tolist())
    learnt = zip(imputer.statistics_, scaler.mean_, scaler.scale_, strict=True)
    keys = ("missing", "mean", "scale", "weight")
    of_numbers = {
        name: dict(zip(keys, (*map(float, one), next(weights)), strict=True))
        for name, one in zip(numbers, learnt, strict=True)
    }
    of_texts = {name: {value: next(weights) for value in texts[name]} for name in texts}
    return {"numbers": of_numbers, "codes": of_texts, "bias": float(logistic.intercept_[0])}
