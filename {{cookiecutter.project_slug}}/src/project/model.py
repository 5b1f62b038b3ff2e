"""The model: the only file that knows XGBoost, and so the seam for another library.

The lifecycle asks for `fit`, and for `Model.load`: what both give is said, and held by the type
checker, in src/lifecycle/contract/model_file.py; docs/own.md tells how to write another kind.

The file is XGBoost's own UBJ. Fitted state travels inside it: the numbering of categories, and what
the features have learnt, which the lifecycle hands over and asks back as it is. A category that
training did not see becomes a missing value (XGBoost itself would raise): the trees send it where
they learned to send missing values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xgboost
from numpy.typing import NDArray

from project.hyperparameters import Train

Floats = NDArray[np.float32]
Categories = Mapping[str, Sequence[str]]
# After so many whole steps (trees times learning rate) a prediction has left the base rate.
STEPS = 2


def encode(
    columns: Mapping[str, Any], names: Sequence[str], codes: Mapping[str, Mapping[str, int]]
) -> Floats:
    """Return the matrix (rows x features) that the booster reads; unknown and null become NaN."""
    rows = len(columns[names[0]])
    matrix = np.empty((rows, len(names)), np.float32)
    for index, name in enumerate(names):
        if name in codes:
            code = codes[name]
            matrix[:, index] = [code.get(value, np.nan) for value in columns[name]]
        else:
            matrix[:, index] = columns[name]
    return matrix


class Target(NamedTuple):
    """What is predicted: `binary`, `multiclass` or `regression`, and of how many classes, if so."""

    task: str
    classes: int = 0


@dataclass(frozen=True)
class Objective:
    """What a task's trees are grown for, and by what the boosting stops."""

    name: str
    metric: str
    # How the curve of that metric is called in MLflow, and whether more of it is better.
    curve: str
    rises: bool


BINARY = Target("binary")
OBJECTIVES = {
    "binary": Objective("binary:logistic", "auc", "early_stopping_roc_auc", rises=True),
    "multiclass": Objective("multi:softprob", "mlogloss", "early_stopping_log_loss", rises=False),
    "regression": Objective("reg:squarederror", "rmse", "early_stopping_rmse", rises=False),
}
COUNTS = Objective("count:poisson", "poisson-nloglik", "early_stopping_poisson_loss", rises=False)


def objective_of(params: Train, task: str, label: NDArray[Any]) -> Objective:
    """Return what the trees are grown for.

    Raises:
        ValueError: the target is no count.
    """
    if not params.counts:
        return OBJECTIVES[task]
    if task != "regression" or label.min() < 0:
        found = "values below nought" if task == "regression" else "classes"
        raise ValueError(f"train.counts: the target has {found}: leave counts out")
    return COUNTS


@dataclass(frozen=True)
class Model:
    """A fitted model: features by name in, scores out."""

    booster: xgboost.Booster
    names: tuple[str, ...]
    codes: Mapping[str, Mapping[str, int]]
    fitted: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read a model file.

        Raises:
            ValueError: the file is missing or is no model of ours.
        """
        booster = xgboost.Booster()
        try:
            # What is cut off, XGBoost reads beyond its end: now and then that ends the process.
            if not path.read_bytes().endswith(b"}"):
                raise ValueError("it is cut off")
            booster.load_model(path)
            categories = json.loads(booster.attr("categories") or "")
            fitted = json.loads(booster.attr("fitted") or "{}")
        except (xgboost.core.XGBoostError, OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path} is no model that train wrote: {reason}") from None
        # One thread a prediction: the service answers many rows at once in one call, and
        # OpenMP's waiting threads cost more than they give (ten times, on shared cores).
        booster.set_param({"nthread": 1})
        codes = {name: {v: i for i, v in enumerate(vs)} for name, vs in categories.items()}
        return cls(booster, tuple(booster.feature_names or ()), codes, fitted)

    def predict(self, columns: Mapping[str, Any]) -> Floats:
        """Return the scores of each row of `columns` (arrays by name): rows, or rows x classes."""
        matrix = encode(columns, self.names, self.codes)
        scores: Floats = self.booster.inplace_predict(matrix, missing=np.nan)
        return scores

    def contributions(self, columns: Mapping[str, Any]) -> Floats:
        """Return exact SHAP values (rows x features, the last column is the bias; or by class).

        Lundberg et al., "Consistent Individualized Feature Attribution for Tree Ensembles"
        (2018); each row sums to the log odds of its prediction, or to its value; of counts to its
        logarithm.
        """
        matrix = _matrix(encode(columns, self.names, self.codes), self.names, self.codes)
        contributions: Floats = self.booster.predict(matrix, pred_contribs=True)
        return contributions


def _matrix(
    values: Floats, names: Sequence[str], codes: Mapping[str, Any], label: Any = None
) -> xgboost.DMatrix:
    types = ["c" if name in codes else "q" for name in names]
    return xgboost.DMatrix(
        values, label, feature_names=list(names), feature_types=types, enable_categorical=True
    )


@dataclass(frozen=True)
class Fit:
    """A fitted booster and how it came about: its metric on the early-stopping rows by tree."""

    booster: xgboost.Booster
    trees: int
    curve: list[float]
    objective: Objective

    @property
    def score(self) -> float:
        """What a search makes as large as it can: the best figure on the early-stopping rows."""
        return max(self.curve) if self.objective.rises else -min(self.curve)

    @property
    def figures(self) -> dict[str, float | list[float]]:
        """What the run in MLflow tells of the fit; a list is one figure a round."""
        return {"trees": self.trees, self.objective.curve: self.curve}

    def to_bytes(self, fitted: Mapping[str, Any] | None = None) -> bytes:
        """Return the model file's content; `fitted` is what `Model.load` gives back (JSON)."""
        if fitted:
            self.booster.set_attr(fitted=json.dumps(fitted))
        return bytes(self.booster.save_raw("ubj"))


def fit(
    columns: Mapping[str, Any],
    label: NDArray[Any],
    names: Sequence[str],
    categories: Categories,
    params: Train,
    target: Target = BINARY,
) -> Fit:
    """Fit on rows in time order: the newest share stops the boosting, then all rows are used.

    The number of trees is found on `early_stopping_share` of the newest rows; the model is then
    fitted with that number on every row, so that it has seen the most recent time.
    """
    objective, history = objective_of(params, target.task, label), dict[str, Any]()
    codes = {name: {v: i for i, v in enumerate(vs)} for name, vs in categories.items()}
    values = encode(columns, names, codes)
    cut = int(len(label) * (1 - params.early_stopping_share))
    early, late = (
        _matrix(values[part], names, codes, label[part]) for part in (slice(cut), slice(cut, None))
    )
    settings = _settings(params, objective, target.classes)
    search = xgboost.train(
        settings,
        early,
        params.maximum_trees,
        evals=[(late, "newest")],
        early_stopping_rounds=params.early_stopping_rounds,
        evals_result=history,
        verbose_eval=False,
    )
    trees = search.best_iteration + 1
    if objective.rises:
        # Few trees may rank as well as many, and yet leave every prediction near the base rate.
        trees = max(trees, min(params.maximum_trees, math.ceil(STEPS / params.learning_rate)))
    booster = xgboost.train(settings, _matrix(values, names, codes, label), trees)
    booster.set_attr(categories=json.dumps(categories))
    curve = [float(figure) for figure in history["newest"][objective.metric]]
    return Fit(booster, trees, curve, objective)


def _settings(params: Train, objective: Objective, classes: int) -> dict[str, Any]:
    return {
        "objective": objective.name,
        # Early stopping goes by ranking: the share of positives moves with time, and the loss
        # would stop at the first move of it.
        "eval_metric": "auc",
        "tree_method": "hist",
        "seed": params.seed,
        "nthread": params.threads,
        "eta": params.learning_rate,
        "max_depth": params.maximum_depth,
        "min_child_weight": params.minimum_child_weight,
        "subsample": params.row_share,
        "colsample_bytree": params.column_share,
        "lambda": params.l2_regularisation,
        # Of other tasks by their loss.
        **{"eval_metric": objective.metric},
        **({"num_class": classes} if classes else {}),
    }
