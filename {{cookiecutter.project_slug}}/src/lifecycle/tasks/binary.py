"""Yes or no: what is measured of probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lifecycle.core.metric_names import MEASURED, RATES
from lifecycle.tasks import calibration
from lifecycle.tasks.drawn import Drawn, Mean, RocAuc
from lifecycle.tasks.task import Array, Fits


def log_losses(label: Array, probability: Array) -> Array:
    """Return each row's logarithmic loss; what is nought or one is brought near it."""
    clipped = np.clip(probability, 1e-12, 1 - 1e-12)
    losses: Array = -(label * np.log(clipped) + (1 - label) * np.log(1 - clipped))
    return losses


def squared(label: Array, probability: Array) -> Array:
    """Return each row's squared error."""
    errors: Array = (probability - label) ** 2
    return errors


class Binary:
    """What a binary task decides from data."""

    name = "binary"
    metrics = MEASURED["binary"]
    drawn: Mapping[str, Drawn] = {
        "roc_auc": RocAuc(),
        "log_loss": Mean(log_losses),
        "brier": Mean(squared),
    }
    shown = ("roc_auc", "log_loss")
    observed = "came true"
    needs = "of both kinds"
    loss = "log_loss"
    rates = RATES["binary"]

    def score(self, label: Array, scores: Array, bins: int) -> dict[str, float]:
        """Return every metric; needs both classes among `label`."""
        from sklearn import metrics  # two seconds, and whoever only asks which task it is has none

        clipped = scores.astype(np.float64)
        return {
            "roc_auc": float(metrics.roc_auc_score(label, clipped)),
            "pr_auc": float(metrics.average_precision_score(label, clipped)),
            "log_loss": float(metrics.log_loss(label, clipped, labels=[0, 1])),
            "brier": float(metrics.brier_score_loss(label, clipped)),
            "calibration_error": calibration.error(calibration.curve(label, clipped, bins)),
        }

    def is_judgeable(self, label: Array) -> bool:
        """Say whether there are both classes."""
        return bool(0 < label.mean() < 1)

    def own_figures(self, label: Array, scores: Array, deciding: Any) -> dict[str, float]:
        """Return nothing more."""
        return {}

    def facts(self, label: Array) -> dict[str, float]:
        """Return nothing more."""
        return {}

    def group_rates(self, label: Array, decided: Array, scale: float) -> dict[str, float | None]:
        """Return the shares of positives found and of negatives flagged."""
        positive, negative, flagged = label == 1, label == 0, decided == 1
        return {
            "selection_rate": float(flagged.mean()),
            "true_positive_rate": float(flagged[positive].mean()) if positive.any() else None,
            "false_positive_rate": float(flagged[negative].mean()) if negative.any() else None,
        }

    has_classes = True

    def of_columns(self, columns: Array) -> Array:
        """Return the probabilities of the positive class."""
        return columns[:, 1]

    def skill(self, label: Array, scores: Array) -> float:
        """Return 2 AUC - 1, whichever way round (Gini; Hand and Till, 2001)."""
        return abs(2 * RocAuc().plain(label, scores) - 1)

    def noise(self, label: Array) -> float:
        """Return that of the area.

        Mann and Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger
        than the Other" (1947).
        """
        ones = float(label.sum())
        return math.sqrt((len(label) + 1) / (12 * ones * (len(label) - ones)))

    def constant(self, label: Array, rows: int) -> Array:
        """Return the share of positives for each row."""
        return np.full(rows, label.mean())

    def estimator(self, seed: int) -> Any:
        """Return logistic regression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=200, random_state=seed)

    def estimated(self, fitted: Any, rows: Array) -> Array:
        """Return its probabilities of the positive class."""
        probabilities: Array = fitted.predict_proba(rows)[:, 1]
        return probabilities

    def bias(self, label: Array, scores: Array, scale: float) -> Array:
        """Return the probability less what came."""
        return scores - label

    def bias_sentence(self, predicted: float, known: float) -> str:
        """Say which share was predicted, and which came true."""
        return f"{predicted:.1%} were predicted on average and {known:.1%} came true"

    def said(self, known: float) -> str:
        """Return the share that came true."""
        return f"{known:.1%}"

    def figure(self, scores: Array) -> Array:
        """Return the probabilities."""
        return scores

    def outcome(self, label: Array, scores: Array) -> Array:
        """Return what came."""
        return label

    def curves(self, label: Array, scores: Array, bins: int) -> dict[str, Any]:
        """Return the calibration."""
        return {"calibration": calibration.curve(label, scores, bins)}

    def plots(self, label: Array, scores: Array) -> dict[str, Any]:
        """Return the ROC curve, at most 200 points of it."""
        from sklearn.metrics import roc_curve

        false_positive, true_positive, _ = roc_curve(label, scores)
        kept = np.unique(np.linspace(0, len(false_positive) - 1, 200).astype(int))
        return {"roc": [
            {"false_positive_rate": float(false_positive[i]),
             "true_positive_rate": float(true_positive[i])}
            for i in kept
        ]}  # fmt: skip

    def learnt(self, fit: Fits, label: Array) -> dict[str, Any]:
        """Return nothing: probabilities and a threshold are all it decides by."""
        return {}
