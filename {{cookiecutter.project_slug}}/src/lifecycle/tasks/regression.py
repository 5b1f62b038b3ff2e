"""A number: what is measured of values, and the interval around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lifecycle.contract.outcome.regression import SAME
from lifecycle.core.metric_names import MEASURED, RATES
from lifecycle.tasks.drawn import R2, Drawn, Mean
from lifecycle.tasks.task import Array, Fits

# The share of rows that should lie in their intervals, and that of the training rows, the newest,
# of whose residuals the intervals are made.
COVERAGE, HELD_BACK = 0.9, 0.2
# So many points of a plot are enough to see.
POINTS = 400


def squared(label: Array, value: Array) -> Array:
    """Return each row's squared error."""
    errors: Array = (value - label) ** 2
    return errors


def absolute(label: Array, value: Array) -> Array:
    """Return each row's absolute error."""
    errors: Array = np.abs(value - label)
    return errors


def root(mean: float) -> float:
    """Return the square root of a mean of squares."""
    return float(np.sqrt(mean))


def conformal(residual: Array, coverage: float) -> tuple[float, float]:
    """Return what is added to a value for both ends of its interval.

    Split conformal prediction, each tail by itself: of n rows that the model was not fitted on, the
    residual of rank ceil((n + 1) * share) (Lei et al., "Distribution-Free Predictive Inference for
    Regression", 2018, section 2.2). It holds as far as the rows to come are like those.
    """
    ordered, count = np.sort(residual), len(residual)
    rank = min(count, int(np.ceil((count + 1) * (1 + coverage) / 2)))
    return float(ordered[count - rank]), float(ordered[rank - 1])


class Regression:
    """What a task of numbers decides from data."""

    name = "regression"
    metrics = MEASURED["regression"]
    drawn: Mapping[str, Drawn] = {
        "r2": R2(), "root_mean_squared_error": Mean(squared, root),
        "mean_absolute_error": Mean(absolute),
    }  # fmt: skip
    shown = ("r2", "mean_absolute_error")
    observed = "came"
    needs = "of two values at least"
    loss = "mean_absolute_error"
    rates = RATES["regression"]

    def score(self, label: Array, scores: Array, bins: int) -> dict[str, float]:
        """Return every metric of values, in the target's unit where they have one."""
        values = scores.astype(np.float64)
        found = {name: figure.plain(label, values) for name, figure in self.drawn.items()}
        return {**found, "median_absolute_error": float(np.median(absolute(label, values)))}

    def is_judgeable(self, label: Array) -> bool:
        """Say whether there are two values at least."""
        return bool(len(label) > 1 and label.min() < label.max())

    def own_figures(self, label: Array, scores: Array, deciding: Any) -> dict[str, float]:
        """Return the share of rows that lie in their interval, and how wide that is."""
        low, high = deciding.interval
        inside = (label >= scores + low) & (label <= scores + high)
        return {"interval_coverage": float(inside.mean()), "interval_width": high - low}

    def facts(self, label: Array) -> dict[str, float]:
        """Return the target's standard deviation, in which tolerances are given."""
        return {"scale": float(label.std())}

    def group_rates(self, label: Array, decided: Array, scale: float) -> dict[str, float | None]:
        """Return the group's mean error and mean absolute error, in standard deviations."""
        errors = (decided - label) / scale
        return {"mean_error": float(errors.mean()),
                "mean_absolute_error": float(np.abs(errors).mean())}  # fmt: skip

    has_classes = False

    def of_columns(self, columns: Array) -> Array:
        """Return the values."""
        return columns[:, 0]

    def skill(self, label: Array, scores: Array) -> float:
        """Return R2."""
        return max(0.0, R2().plain(label, scores))

    def noise(self, label: Array) -> float:
        """Return that of R2: the square of a correlation's, 1 / sqrt(n), or a bit of it."""
        return max(0.007, 3 / len(label))

    def constant(self, label: Array, rows: int) -> Array:
        """Return the mean for each row."""
        return np.full(rows, label.mean())

    def estimator(self, seed: int) -> Any:
        """Return linear regression, held a little towards nought."""
        from sklearn.linear_model import Ridge

        return Ridge(alpha=1.0, random_state=seed)

    def estimated(self, fitted: Any, rows: Array) -> Array:
        """Return its values."""
        values: Array = fitted.predict(rows)
        return values

    def bias(self, label: Array, scores: Array, scale: float) -> Array:
        """Return the value less what came, in standard deviations of the holdout."""
        excess: Array = (scores - label) / scale
        return excess

    def bias_sentence(self, predicted: float, known: float) -> str:
        """Say what was predicted on average, and what came."""
        return f"{predicted:.4g} was predicted on average and {known:.4g} came"

    def said(self, known: float) -> str:
        """Return the mean."""
        return f"{known:.4g}"

    def figure(self, scores: Array) -> Array:
        """Return the values."""
        return scores

    def outcome(self, label: Array, scores: Array) -> Array:
        """Return what came."""
        return label

    def curves(self, label: Array, scores: Array, bins: int) -> dict[str, Any]:
        """Return mean value and mean outcome of bins of equally many rows, with their spread."""
        order = np.argsort(scores, kind="stable")
        return {"calibration": [
            {"rows": len(part), "predicted": float(scores[part].mean()),
             "observed": float(label[part].mean()), "spread": float(label[part].std())}
            for part in np.array_split(order, min(bins, len(order)))
        ]}  # fmt: skip

    def plots(self, label: Array, scores: Array) -> dict[str, Any]:
        """Return residuals by value, of rows spread evenly over the values."""
        order = np.argsort(scores, kind="stable")
        picked = order[np.unique(np.linspace(0, len(order) - 1, POINTS).astype(int))]
        return {"residuals": [
            {"predicted": float(scores[i]), "residual": float(label[i] - scores[i])} for i in picked
        ]}  # fmt: skip

    def learnt(self, fit: Fits, label: Array) -> dict[str, Any]:
        """Return interval, tolerance and middle, of the newest rows by a model of those before."""
        cut = int(len(label) * (1 - HELD_BACK))
        values = fit(slice(cut))(slice(cut, None)).astype(np.float64)
        low, high = conformal(label[cut:] - values, COVERAGE)
        return {"interval": [low, high], "tolerance": SAME * float(values.std()),
                "middle": float(values.mean())}  # fmt: skip
