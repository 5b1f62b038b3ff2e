"""Metrics of a binary classifier: plain functions of labels and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

Array = NDArray[Any]


def calibration(label: Array, probability: Array, bins: int) -> list[dict[str, float]]:
    """Return, for each bin of equally many rows, the mean probability and the observed share."""
    order = np.argsort(probability, kind="stable")
    return [
        {
            "rows": len(part),
            "predicted": float(probability[part].mean()),
            "observed": float(label[part].mean()),
        }
        for part in np.array_split(order, min(bins, len(order)))
    ]


def calibration_error(curve: list[dict[str, float]]) -> float:
    """Return the expected calibration error, a share: Naeini et al., AAAI 2015, equation 3."""
    rows = sum(point["rows"] for point in curve)
    gaps = (point["rows"] * abs(point["predicted"] - point["observed"]) for point in curve)
    return float(sum(gaps) / rows)


def score(label: Array, probability: Array, bins: int) -> dict[str, float]:
    """Return every metric of core/metric_names.py, which says which way each is better.

    Needs both classes among `label` (0 and 1, one a row, as `probability`).
    """
    clipped = probability.astype(np.float64)
    return {
        "roc_auc": float(roc_auc_score(label, clipped)),
        "pr_auc": float(average_precision_score(label, clipped)),
        "log_loss": float(log_loss(label, clipped, labels=[0, 1])),
        "brier": float(brier_score_loss(label, clipped)),
        "calibration_error": calibration_error(calibration(label, clipped, bins)),
    }


def group_rates(label: Array, decision: Array) -> dict[str, float | None]:
    """Return the shares of positives found and of negatives flagged (None where there are none)."""
    positive, negative = label == 1, label == 0
    return {
        "selection_rate": float(decision.mean()),
        "true_positive_rate": float(decision[positive].mean()) if positive.any() else None,
        "false_positive_rate": float(decision[negative].mean()) if negative.any() else None,
    }


def disparity(groups: list[dict[str, Any]]) -> dict[str, float]:
    """Return the largest difference between groups in each error rate.

    Equalised odds: Hardt, Price and Srebro, "Equality of Opportunity in Supervised Learning"
    (2016), section 2. (ML Test Score, Model 7.)
    """
    found = {}
    for rate in ("true_positive_rate", "false_positive_rate"):
        values = [group[rate] for group in groups if group[rate] is not None]
        found[rate] = float(max(values) - min(values)) if values else 0.0
    return found
