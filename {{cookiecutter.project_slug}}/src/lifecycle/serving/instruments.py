"""What the worker counts for Prometheus; `deploy` and `monitor` judge a version by it.

BentoML's own metrics stand beside these in `/metrics`. Each series is resolved once: looking one
up by its labels costs more than counting.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from lifecycle.contract.outcome.outcome import Deciding, Outcome
from lifecycle.serving.predictor import Predicted

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIDES = ("above", "below")
Codes = Mapping[str, Container[str]]


class Figures:
    """The series of one variant."""

    def __init__(
        self, metrics: Instruments, variant: str, features: Iterable[str], codes: Codes
    ) -> None:
        """Resolve each series, so that all of them stand in `/metrics` from the start, with 0."""
        self._requests, self._variant, self._codes = metrics.requests, variant, codes
        self._statuses: dict[int, Any] = {}
        self._seconds = metrics.seconds.labels(variant)
        self._rows = metrics.rows.labels(variant)
        self._outcome, self._prediction = metrics.outcome, metrics.prediction.labels(variant)
        self._above, self._below = (metrics.predicted.labels(variant, one) for one in SIDES)
        self._missing = {name: metrics.missing.labels(variant, name) for name in features}
        self._unknown = {name: metrics.unknown.labels(variant, name) for name in codes}
        self._decisions = {
            name: metrics.decisions.labels(variant, name) for name in metrics.outcome.counted
        }
        self.answered(200, None, 0)

    def answered(self, status: int, seconds: float | None, count: int = 1) -> None:
        """Count a request; `seconds` is how long its prediction took, None where there was none."""
        series = self._statuses.get(status)
        if series is None:
            series = self._statuses[status] = self._requests.labels(self._variant, str(status))
        series.inc(count)
        if seconds is not None:
            self._seconds.observe(seconds)

    def predicted(self, predicted: Predicted) -> None:
        """Count predicted rows and what was missing in them."""
        self._rows.inc(len(predicted.decisions))
        total = below = 0.0
        for figure in self._outcome.figures(predicted.values):
            self._prediction.observe(figure)
            total += figure
            below -= min(figure, 0.0)
        self._above.inc(total + below)
        self._below.inc(below)
        for name, count in self._outcome.count(predicted.decisions).items():
            self._decisions[name].inc(count)
        missing: dict[str, int] = {}
        unknown: dict[str, int] = {}
        for row in predicted.features:
            for name, value in row.items():
                if value is None or value != value:  # NaN is what differs from itself
                    missing[name] = missing.get(name, 0) + 1
                elif name in self._codes and value not in self._codes[name]:
                    unknown[name] = unknown.get(name, 0) + 1
        for name, count in missing.items():
            self._missing[name].inc(count)
        for name, count in unknown.items():
            self._unknown[name].inc(count)


class Instruments:
    """Every metric of ours in one worker process."""

    def __init__(
        self, features: Iterable[str], codes: Codes, outcome: Outcome, deciding: Deciding
    ) -> None:
        """Register the metrics (made once a process, where the service starts).

        Args:
            features: The names of the features.
            codes: For each categorical one, the categories that training saw.
            outcome: What the task makes of scores.
            deciding: By what it decides.
        """
        # Not before: BentoML sets Prometheus up for several processes first.
        from prometheus_client import Counter, Gauge, Histogram

        self._features, self._codes, self.outcome = tuple(features), codes, outcome
        self._figures: dict[str, Figures] = {}
        self.requests = Counter(
            "lifecycle_requests", "Requests to the prediction route", ["variant", "status"]
        )
        self.seconds = Histogram(
            "lifecycle_request_seconds", "From the whole body to the answer", ["variant"],
            buckets=SECONDS,
        )  # fmt: skip
        self.rows = Counter("lifecycle_rows", "Rows predicted", ["variant"])
        self.missing = Counter(
            "lifecycle_missing", "Null values of a feature", ["variant", "feature"]
        )
        self.unknown = Counter(
            "lifecycle_unknown", "Values that training did not see", ["variant", "feature"]
        )
        self.prediction = Histogram(
            "lifecycle_prediction", "What is predicted, one figure a row", ["variant"],
            buckets=outcome.buckets(deciding),
        )  # fmt: skip
        # A sum that may fall is taken by Prometheus for one that began anew: what lies below nought
        # is added up by itself, without its sign.
        self.predicted = Counter(
            "lifecycle_predicted",
            "Sum of predictions, by side of nought",
            ["variant", "side"],
        )
        self.unit = Gauge(
            "lifecycle_prediction_unit", "In what shifts of what is predicted are measured"
        )
        self.unit.set(outcome.unit(deciding))
        self.decisions = Counter("lifecycle_decisions", "Rows by decision", ["variant", "decision"])
        self.refusals = Counter("lifecycle_refusals", "Requests refused, any route", ["status"])
        self.log_failures = Counter(
            "lifecycle_log_failures", "Lines of the prediction log that were lost"
        )
        self.shadow_rows = Counter(
            "lifecycle_shadow_rows", "Rows that live and candidate answered", ["candidate"]
        )
        self.shadow_changed = Counter(
            "lifecycle_shadow_changed", "Rows decided otherwise by the candidate", ["candidate"]
        )
        self.shadow_failed = Counter(
            "lifecycle_shadow_failed", "Rows that the candidate did not answer", ["candidate"]
        )
        self.shadow_dropped = Counter(
            "lifecycle_shadow_dropped", "Rows not sent: the candidate is too slow", ["candidate"]
        )

    def of(self, variant: str) -> Figures:
        """Return the series of a variant."""
        found = self._figures.get(variant)
        if found is None:
            found = self._figures[variant] = Figures(self, variant, self._features, self._codes)
        return found
