"""How much a challenger differs from the champion on the holdout, which its rollout then expects.

A good successor of a stale version must differ from it: a limit that knows no better would refuse
exactly the retraining that was needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract.columns import Schema
from lifecycle.contract.privacy import shown
from lifecycle.core.blocks import of_rows
from lifecycle.core.params import Params
from lifecycle.records.registry import Version

Array = NDArray[Any]
# Fewer days say nothing of how others may be: not even every weekday is among them.
FEWEST_DAYS = 7


def mean_and_error(values: Array, day: Array) -> dict[str, float]:
    """Return the mean and its standard error, whole days being what was drawn.

    Rows of one day are alike (Liang and Zeger, 1986: errors robust to clusters).
    """
    days, index = np.unique(day, return_inverse=True)
    mean = float(values.mean())
    sums = np.bincount(index, weights=values - mean)
    error = np.sqrt((sums**2).sum() * len(days) / (len(days) - 1)) / len(values)
    return {"mean": mean, "error": float(error)}


def measure(
    holdout: pl.DataFrame,
    probabilities: tuple[Array, Array],
    version: Version,
    params: Params,
    schema: Schema,
    model_md5: str,
) -> dict[str, Any] | None:
    """Return how the challenger differs, and between which two models at which thresholds.

    Args:
        holdout: The rows that both models have scored.
        probabilities: Those of the champion, then those of the challenger.
        version: The champion; one that does not say at what threshold it decides was not measured.
        params: The whole of params.yaml.
        schema: The whole of schema.yaml.
        model_md5: The challenger's content.
    """
    day = of_rows(holdout, schema)
    if "threshold" not in version.tags or len(np.unique(day)) < FEWEST_DAYS:
        return None
    thresholds = float(version.tags["threshold"]), params.evaluate.threshold
    # As the service decides: in 32 bits.
    theirs, ours = (each.astype(np.float32) >= np.float32(limit)
                    for each, limit in zip(probabilities, thresholds, strict=True))  # fmt: skip
    changed = (ours != theirs).astype(float)
    shift = probabilities[1].astype(float) - probabilities[0].astype(float)
    return {
        "champion": {"model_md5": version.tags["model_md5"], "threshold": thresholds[0]},
        "challenger": {"model_md5": model_md5, "threshold": thresholds[1]},
        "rows": holdout.height,
        "days": len(np.unique(day)),
        "changed_decisions": mean_and_error(changed, day),
        "prediction_shift": mean_and_error(shift, day),
        "slices": slices(holdout, changed, shift, params, schema),
    }


def slices(
    holdout: pl.DataFrame, changed: Array, shift: Array, params: Params, schema: Schema
) -> list[dict[str, Any]]:
    """Return the same of every slice with rows enough."""
    found = []
    for name in params.evaluate.slices:
        for value in holdout[name].unique().drop_nulls().sort():
            rows = (holdout[name] == value).fill_null(value=False).to_numpy()
            if rows.sum() >= params.evaluate.minimum_slice_rows:
                found.append({
                    "slice": name, "value": shown(schema, name, value), "rows": int(rows.sum()),
                    "changed_decisions": float(changed[rows].mean()),
                    "prediction_shift": float(shift[rows].mean()),
                })  # fmt: skip
    return found
