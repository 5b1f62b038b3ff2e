"""One of several classes: what is measured of a probability for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lifecycle.core.metric_names import MEASURED, RATES
from lifecycle.tasks import calibration
from lifecycle.tasks.drawn import Drawn, Mean
from lifecycle.tasks.task import Array, Fits


def is_right(label: Array, scores: Array) -> Array:
    """Return 1 for each row whose most probable class is its own, else 0."""
    right: Array = (scores.argmax(axis=1) == label).astype(np.float64)
    return right


def log_losses(label: Array, scores: Array) -> Array:
    """Return each row's logarithmic loss: that of the probability of its own class."""
    own = scores[np.arange(len(label)), label.astype(int)]
    losses: Array = -np.log(np.clip(own, 1e-12, 1))
    return losses


def squared(label: Array, scores: Array) -> Array:
    """Return each row's squared error, added over the classes (Brier, 1950)."""
    errors = scores.astype(np.float64) ** 2
    own = scores[np.arange(len(label)), label.astype(int)]
    total: Array = errors.sum(axis=1) - 2 * own + 1
    return total


class Multiclass:
    """What a task of several classes decides from data."""

    name = "multiclass"
    metrics = MEASURED["multiclass"]
    drawn: Mapping[str, Drawn] = {
        "accuracy": Mean(is_right),
        "log_loss": Mean(log_losses),
        "brier": Mean(squared),
    }
    shown = ("accuracy", "log_loss")
    observed = "was right"
    needs = "of two classes at least"
    loss = "log_loss"
    rates = RATES["multiclass"]

    def score(self, label: Array, scores: Array, bins: int) -> dict[str, float]:
        """Return every metric; the classes that are not among `label` have no part in means."""
        from sklearn.metrics import f1_score  # two seconds: only where something is measured

        values, decided = scores.astype(np.float64), scores.argmax(axis=1)
        present = np.unique(label)
        recalls = [float((decided[label == one] == one).mean()) for one in present]
        return {
            "accuracy": float(is_right(label, scores).mean()),
            "balanced_accuracy": float(np.mean(recalls)),
            "macro_f1": float(f1_score(label, decided, labels=present, average="macro",
                                       zero_division=0)),
            "log_loss": float(log_losses(label, values).mean()),
            "brier": float(squared(label, values).mean()),
            "calibration_error": calibration.error(self._calibration(label, values, bins)),
        }  # fmt: skip

    def _calibration(self, label: Array, scores: Array, bins: int) -> list[dict[str, float]]:
        return calibration.curve(is_right(label, scores), scores.max(axis=1), bins)

    def is_judgeable(self, label: Array) -> bool:
        """Say whether there are two classes at least."""
        return len(np.unique(label)) > 1

    def own_figures(self, label: Array, scores: Array, deciding: Any) -> dict[str, float]:
        """Return nothing more."""
        return {}

    def facts(self, label: Array) -> dict[str, float]:
        """Return nothing more."""
        return {}

    def group_rates(self, label: Array, decided: Array, scale: float) -> dict[str, float | None]:
        """Return the share of the group that is decided wrongly."""
        return {"error_rate": float((decided != label).mean())}

    has_classes = True

    def of_columns(self, columns: Array) -> Array:
        """Return the probabilities of all classes."""
        return columns

    def skill(self, label: Array, scores: Array) -> float:
        """Return the share of the most frequent class's mistakes that are avoided.

        Goodman and Kruskal's lambda (1954).
        """
        most = np.bincount(label.astype(int)).max() / len(label)
        return max(0.0, float((is_right(label, scores).mean() - most) / (1 - most)))

    def noise(self, label: Array) -> float:
        """Return that of the share of the most frequent class."""
        most = np.bincount(label.astype(int)).max() / len(label)
        return float(np.sqrt(most * (1 - most) / len(label)))

    def constant(self, label: Array, rows: int) -> Array:
        """Return each class's share for each row."""
        shares = np.bincount(label.astype(int)) / len(label)
        return np.tile(shares, (rows, 1))

    def estimator(self, seed: int) -> Any:
        """Return multinomial logistic regression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=200, random_state=seed)

    def estimated(self, fitted: Any, rows: Array) -> Array:
        """Return its probabilities of every class, by the classes' numbers."""
        found = fitted.predict_proba(rows)
        scores = np.zeros((len(rows), int(fitted.classes_.max()) + 1))
        scores[:, fitted.classes_.astype(int)] = found
        return scores

    def bias(self, label: Array, scores: Array, scale: float) -> Array:
        """Return the probability of what is decided less whether it came."""
        excess: Array = scores.max(axis=1) - is_right(label, scores)
        return excess

    def bias_sentence(self, predicted: float, known: float) -> str:
        """Say how sure the model was, and how often it was right."""
        return f"it was {predicted:.1%} sure on average and right in {known:.1%}"

    def said(self, known: float) -> str:
        """Return the share that was right."""
        return f"{known:.1%}"

    def figure(self, scores: Array) -> Array:
        """Return the probability of what is decided."""
        largest: Array = scores.max(axis=1)
        return largest

    def outcome(self, label: Array, scores: Array) -> Array:
        """Return whether what is decided came."""
        return is_right(label, scores)

    def curves(self, label: Array, scores: Array, bins: int) -> dict[str, Any]:
        """Return calibration of what is decided, and the confusion: rows by class and decision."""
        from sklearn.metrics import confusion_matrix

        classes = range(scores.shape[1])
        counts = confusion_matrix(label, scores.argmax(axis=1), labels=list(classes))
        return {"calibration": self._calibration(label, scores, bins), "confusion": counts.tolist()}

    def plots(self, label: Array, scores: Array) -> dict[str, Any]:
        """Return nothing beside the curves."""
        return {}

    def learnt(self, fit: Fits, label: Array) -> dict[str, Any]:
        """Return nothing: the most probable class is all it decides by."""
        return {}
