"""The gate's rules: plain functions from figures and limits to verdicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifecycle.contract.errors import StageError
from lifecycle.core.metric_names import DRAWN, SIGN
from lifecycle.core.params import ChampionRule, Gate

Array = NDArray[Any]


# The rule that compares with the champion, or with the model of a base.
AGAINST = "against"


@dataclass(frozen=True)
class Verdict:
    """One line of the gate: what was measured, what is required, and whether that holds.

    `measured` and `required` are for people; programs read the numbers that they are made of.
    """

    rule: str
    measured: str
    required: str
    passed: bool
    kind: str
    # None where there was nothing to measure, or it is no number.
    value: float | None = None
    interval: tuple[float, float] | None = None
    minimum: float | None = None
    maximum: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the line as it stands in gate.json."""
        fields = asdict(self)
        fields["verdict"] = "pass" if fields.pop("passed") else "fail"
        numbers = np.array([self.value, *(self.interval or ())], float)
        if not np.isfinite(numbers).all():
            fields |= {"value": None, "interval": None}
        return fields


def metric(metrics: dict[str, Any], name: str) -> float | None:
    """Return a metric that is there and is a number, or None."""
    value = metrics.get(name)
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def limits(metrics: dict[str, Any], params: Gate) -> list[Verdict]:
    """Check each metric against its floor and its ceiling; one that is missing fails."""
    found = []
    for name, limit in params.metrics.items():
        value = metric(metrics, name)
        measured = "missing" if value is None else f"{value:.4f}"
        holds = value is not None and limit.holds(value)
        found.append(Verdict(name, measured, str(limit), holds, "metric", value,
                             minimum=limit.minimum, maximum=limit.maximum))  # fmt: skip
    return found


def baselines(evaluation: dict[str, Any], params: Gate) -> list[Verdict]:
    """Check that the model beats each baseline by the required gain."""
    name, least = params.baselines.metric, params.baselines.minimum_gain
    value = metric(evaluation["metrics"], name)
    found = []
    for baseline in ("constant", "linear"):
        other = metric(evaluation["baselines"].get(baseline, {}), name)
        rule, required = f"beats the {baseline} model", f">= {least:+}"
        if value is None or other is None:
            found.append(Verdict(rule, f"{name} missing", required, False, "baseline",
                                 minimum=least))  # fmt: skip
            continue
        gain = SIGN[name] * (value - other)
        found.append(Verdict(rule, f"{name} {gain:+.4f}", required, gain >= least, "baseline", gain,
                             minimum=least))  # fmt: skip
    return found


def slices(evaluation: dict[str, Any], params: Gate) -> list[Verdict]:
    """Check every slice that has enough rows: one line for each named slice, with the worst."""
    limit, name = params.slices, params.slices.metric
    found = []
    for column in dict.fromkeys(entry["slice"] for entry in evaluation["slices"]):
        measured = [
            (metric(entry["metrics"], name), entry["value"])
            for entry in evaluation["slices"]
            if entry["slice"] == column and entry["metrics"] is not None
        ]
        rule, required = f"slices of {column}", f"every {name} {limit}"
        if not measured or any(value is None for value, _ in measured):
            found.append(Verdict(rule, f"{name} missing", required, False, "slices",
                                 minimum=limit.minimum, maximum=limit.maximum))  # fmt: skip
            continue
        values = [(value, label) for value, label in measured if value is not None]
        outside = [one for one in values if not limit.holds(one[0])]
        value, label = min(outside or values, key=lambda one: (SIGN[name] * one[0], one[1]))
        text = f"worst of {len(measured)}: {label} {value:.4f}"
        found.append(Verdict(rule, text, required, not outside, "slices", value,
                             minimum=limit.minimum, maximum=limit.maximum))  # fmt: skip
    return found


def disparity(evaluation: dict[str, Any], params: Gate) -> list[Verdict]:
    """Check the largest difference between groups of each sensitive column."""
    found = []
    for column, entry in evaluation["fairness"].items():
        for rate, value in entry["disparity"].items():
            rule = f"disparity of {column}, {rate.replace('_', ' ')}"
            most = params.disparity.maximum
            # One group has nothing to differ from: then the rule says nothing, and fails.
            enough = len(entry["groups"]) > 1
            measured = f"{value:.4f}" if enough else "fewer than two groups"
            found.append(Verdict(rule, measured, f"<= {most}", enough and value <= most,
                                 "disparity", value if enough else None, maximum=most))  # fmt: skip
    return found


def weighted_roc_auc(order: Array, ties: Array, label: Array, weight: Array) -> float:
    """Return the area under the ROC curve with integer weights, ties counted half.

    `order` sorts the scores upwards, `ties` holds where each group of equal scores begins in it.
    (Hanley and McNeil, 1982: the Wilcoxon statistic.)
    """
    positive = np.add.reduceat((weight * label)[order], ties)
    negative = np.add.reduceat((weight * (1 - label))[order], ties)
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def bootstrap_gain(
    label: Array, challenger: Array, champion: Array, block: Array, rule: ChampionRule, seed: int
) -> tuple[float, float, float]:
    """Return the challenger's gain over the champion and its paired bootstrap interval."""
    value, drawn = gain_draws(label, challenger, champion, block, rule, seed)
    return (value, *interval(drawn, rule.confidence))


def interval(drawn: Array, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of what was drawn; draws that say nothing are NaN."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def gain_draws(
    label: Array, challenger: Array, champion: Array, block: Array, rule: ChampionRule, seed: int
) -> tuple[float, Array]:
    """Return the challenger's gain over the champion, and the gain in each of the draws.

    Whole blocks (days) are drawn, because rows of one day are not independent: the block
    bootstrap of Künsch (1989). Both models are scored on the same draw each time.
    """
    areas = rule.metric == "roc_auc"
    if rule.metric not in DRAWN:
        raise StageError(f"gate.champion.metric: {rule.metric} is none of {', '.join(DRAWN)}")
    prepared = [prepared_scores(label, scores.astype(np.float64), rule.metric)
                for scores in (challenger, champion)]  # fmt: skip

    def gain(weight: Array) -> float:
        if areas:
            ours, theirs = (weighted_roc_auc(part[0], part[1], label, weight) for part in prepared)
            return ours - theirs
        ours, theirs = (float((part[0] * weight).sum() / weight.sum()) for part in prepared)
        return theirs - ours

    generator = np.random.default_rng(seed)
    blocks, index = np.unique(block, return_inverse=True)
    draws = (
        np.bincount(generator.integers(0, len(blocks), len(blocks)), minlength=len(blocks))[index]
        for _ in range(rule.resamples)
    )
    return gain(np.ones(len(label))), np.array([gain(draw) for draw in draws])


def prepared_scores(label: Array, scores: Array, name: str) -> tuple[Array, ...]:
    """Return what does not change between draws: the order of scores, or each row's loss."""
    if name != "roc_auc":
        return (per_row(label, scores, name),)
    order = np.argsort(scores, kind="stable")
    return order, np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])


def per_row(label: Array, scores: Array, name: str) -> Array:
    """Return each row's loss, of which `log_loss` and `brier` are the means."""
    if name == "brier":
        squared: Array = (scores - label) ** 2
        return squared
    clipped = np.clip(scores, 1e-12, 1 - 1e-12)
    losses: Array = -(label * np.log(clipped) + (1 - label) * np.log(1 - clipped))
    return losses


def champion(
    gain: tuple[float, float, float], name: str, rule: ChampionRule, *, is_same: bool = False
) -> Verdict:
    """Check that the challenger is not worse than the champion `name`, and better than a tie.

    Where it `is_same`, a model that is to decide otherwise, there is nothing to be better at.
    """
    value, low, high = gain
    least = ">= 0 (the same model)" if is_same else "> 0 (a tie does not promote)"
    return Verdict(
        f"against {name}",
        f"{rule.metric} {value:+.4f} [{low:+.4f}, {high:+.4f}]",
        f"{least}, lower bound >= {-rule.tolerance:+}",
        (value > 0 or (is_same and value == 0)) and low >= -rule.tolerance,
        AGAINST, value, (low, high), minimum=0.0,
    )  # fmt: skip
