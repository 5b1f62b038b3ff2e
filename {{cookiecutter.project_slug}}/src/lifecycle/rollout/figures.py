"""What a worker has counted: its metrics between two moments, as the rollout's rules need them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, fields

# What was predicted, added up by side of nought; a worker of before has the histogram's sum alone.
PREDICTED, BEFORE = "lifecycle_predicted_total", "lifecycle_prediction_sum"


@dataclass
class Figures:
    """Counts of one worker: by variant they are added up, as the caller chose the variants."""

    requests: float = 0
    failed: float = 0
    rows: float = 0
    missing: Counter[str] = field(default_factory=Counter)
    # Cumulative counts by upper limit: of seconds, and of what was predicted.
    seconds: Counter[float] = field(default_factory=Counter)
    predictions: Counter[float] = field(default_factory=Counter)
    predicted: float = 0
    # Of the mirror: rows compared with a candidate, those decided otherwise, requests that failed.
    compared: float = 0
    changed: float = 0
    not_answered: float = 0
    # Of the rollout's own requests: rows whose answer is known, and those answered otherwise.
    known: float = 0
    wrong: float = 0

    def __sub__(self, other: Figures) -> Figures:
        """Return what was counted since `other`; a process that began anew counts from zero."""
        found = Figures()
        fell = self.requests < other.requests or self.rows < other.rows
        for one in fields(self):
            now, then = getattr(self, one.name), getattr(other, one.name)
            if fell:
                setattr(found, one.name, now)
            elif isinstance(now, Counter):
                setattr(found, one.name, Counter({key: now[key] - then[key] for key in now}))
            else:
                setattr(found, one.name, now - then)
        return found

    def as_dict(self) -> dict[str, float]:
        """Return the counts that the audit log keeps."""
        return {"requests": self.requests, "failed": self.failed, "rows": self.rows,
                "compared": self.compared, "changed": self.changed,
                "known": self.known, "wrong": self.wrong}  # fmt: skip


def read(text: str, variants: tuple[str, ...], unit: float = 1.0) -> Figures:
    """Return the figures in a worker's metrics (Prometheus text), of requests of `variants`.

    What was predicted is given in `unit`.
    """
    from prometheus_client.parser import text_string_to_metric_families

    found, of_before = Figures(), "\n" + PREDICTED + "{" not in text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == BEFORE and not of_before:
                continue
            if sample.labels.get("variant", variants[0]) in variants:
                _add(found, sample.name, sample.labels, sample.value, unit)
    return found


def _add(found: Figures, name: str, labels: dict[str, str], value: float, unit: float) -> None:
    if name == "lifecycle_requests_total":
        found.requests += value
        found.failed += value if labels["status"].startswith("5") else 0
    elif name == "lifecycle_rows_total":
        found.rows += value
    elif name == "lifecycle_missing_total":
        found.missing[labels["feature"]] += value  # type: ignore[assignment]
    elif name == "lifecycle_request_seconds_bucket":
        found.seconds[float(labels["le"])] += value  # type: ignore[assignment]
    elif name in (PREDICTED, BEFORE):
        found.predicted += value / (-unit if labels.get("side") == "below" else unit)
    elif name == "lifecycle_prediction_bucket":
        found.predictions[float(labels["le"]) / unit] += value  # type: ignore[assignment]
    elif name == "lifecycle_shadow_rows_total":
        found.compared += value
    elif name == "lifecycle_shadow_changed_total":
        found.changed += value
    elif name == "lifecycle_shadow_failed_total":
        found.not_answered += value


def quantile(cumulative: Counter[float], share: float) -> float:
    """Return the value below which `share` of the counts lie, by linear interpolation in a bucket.

    The same as Prometheus' histogram_quantile; the last finite limit where it lies above all.
    """
    limits = sorted(cumulative)
    total = cumulative[limits[-1]] if limits else 0
    if not total:
        return 0.0
    below, lower = 0.0, 0.0
    for limit in limits:
        if cumulative[limit] >= share * total:
            if limit == float("inf"):
                return lower
            inside = cumulative[limit] - below
            return lower + (limit - lower) * (share * total - below) / inside if inside else limit
        below, lower = cumulative[limit], limit
    return lower


def spread(cumulative: Counter[float]) -> float:
    """Return the standard deviation, each count taken at the middle of its bucket."""
    limits = [limit for limit in sorted(cumulative) if limit != float("inf")]
    total = cumulative[limits[-1]] if limits else 0
    if not total:
        return 0.0
    # From nought on, or nothing is known of where the first bucket begins.
    lower = [min(0.0, limits[0]), *limits[:-1]]
    below = [0.0, *(cumulative[limit] for limit in limits[:-1])]
    parts = [
        ((low + high) / 2, (cumulative[high] - count) / total)
        for low, high, count in zip(lower, limits, below, strict=True)
    ]
    mean = sum(middle * share for middle, share in parts)
    return math.sqrt(sum(share * (middle - mean) ** 2 for middle, share in parts))
