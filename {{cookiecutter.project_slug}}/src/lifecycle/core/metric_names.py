"""The metrics there are, and which way each is better: one table for whoever compares two figures.

It stands apart from what measures them (tasks), so that params.yaml refuses a metric that there is
not as soon as it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator

# 1 where more is better, -1 where less is.
SIGN = {
    "roc_auc": 1, "pr_auc": 1, "log_loss": -1, "brier": -1, "calibration_error": -1,
    "accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1,
    "r2": 1, "root_mean_squared_error": -1, "mean_absolute_error": -1,
    "median_absolute_error": -1, "interval_coverage": 1, "interval_width": -1,
}  # fmt: skip
# As people call them, where that is not the name with spaces.
TITLES = {"roc_auc": "ROC AUC", "pr_auc": "PR AUC", "macro_f1": "macro F1", "r2": "R²"}
# Those that the bootstrap by blocks can weigh rows for.
DRAWN = ("roc_auc", "log_loss", "brier", "accuracy", "r2", "root_mean_squared_error",
         "mean_absolute_error")  # fmt: skip
# Those in the unit of the target: what is a tolerance for others is, for them, one in standard
# deviations of the target on the holdout (`scale` of the evaluation).
IN_UNITS = ("root_mean_squared_error", "mean_absolute_error", "median_absolute_error",
            "interval_width")  # fmt: skip
# Those that each task measures; of them DRAWN are drawn.
MEASURED = {
    "binary": ("roc_auc", "pr_auc", "log_loss", "brier", "calibration_error"),
    "multiclass": ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier",
                   "calibration_error"),
    "regression": ("r2", "root_mean_squared_error", "mean_absolute_error",
                   "median_absolute_error", "interval_coverage", "interval_width"),
}  # fmt: skip
# The tasks that a threshold decides.
WITH_THRESHOLD = ("binary",)
# What may differ between groups, by task: the rules `disparity of ..., ...` of the gate.
RATES = {
    "binary": ("true_positive_rate", "false_positive_rate"),
    "multiclass": ("error_rate",),
    "regression": ("mean_error", "mean_absolute_error"),
}


def worst(name: str, values: Iterable[float]) -> float:
    """Return the worst of some values of a metric."""
    return min(values, key=lambda value: SIGN[name] * value)


def title(name: str) -> str:
    """Return how people call a metric."""
    return TITLES.get(name, name.replace("_", " "))


def scale(name: str, evaluation: Mapping[str, Any]) -> float:
    """Return what a tolerance of a metric is multiplied by."""
    return float(evaluation["scale"]) if name in IN_UNITS else 1.0


def _one_of(known: Iterable[str], name: str) -> str:
    if name not in known:
        near = get_close_matches(name, known, 1, cutoff=0.0)[0]
        raise ValueError(f"{name} is none of {', '.join(known)}: did you mean {near}?")
    return name


Metric = Annotated[str, AfterValidator(partial(_one_of, SIGN))]
DrawnMetric = Annotated[str, AfterValidator(partial(_one_of, DRAWN))]
