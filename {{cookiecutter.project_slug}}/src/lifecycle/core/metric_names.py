"""The metrics there are, and which way each is better: one table for whoever compares two figures.

It stands apart from what measures them (tasks/metrics.py), so that params.yaml refuses a metric
that there is not as soon as it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import partial
from typing import Annotated

from pydantic import AfterValidator

# 1 where more is better, -1 where less is.
SIGN = {"roc_auc": 1, "pr_auc": 1, "log_loss": -1, "brier": -1, "calibration_error": -1}
# Those that the bootstrap by days can weigh rows for.
DRAWN = ("roc_auc", "log_loss", "brier")


def worst(name: str, values: Iterable[float]) -> float:
    """Return the worst of some values of a metric."""
    return min(values, key=lambda value: SIGN[name] * value)


def _one_of(known: Iterable[str], name: str) -> str:
    if name not in known:
        near = get_close_matches(name, known, 1, cutoff=0.0)[0]
        raise ValueError(f"{name} is none of {', '.join(known)}: did you mean {near}?")
    return name


Metric = Annotated[str, AfterValidator(partial(_one_of, SIGN))]
DrawnMetric = Annotated[str, AfterValidator(partial(_one_of, DRAWN))]
