"""The gate's rules: plain functions from figures and limits to verdicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifecycle.core.metric_names import SIGN, scale
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
    name = params.baselines.metric
    least = params.baselines.minimum_gain * scale(name, evaluation)
    value = metric(evaluation["metrics"], name)
    found = []
    for baseline in ("constant", "linear"):
        other = metric(evaluation["baselines"].get(baseline, {}), name)
        rule, required = f"beats the {baseline} model", f">= {least:+.6g}"
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


def champion(
    gain: tuple[float, float, float], name: str, rule: ChampionRule, *, is_same: bool = False,
    scale: float = 1.0,
) -> Verdict:  # fmt: skip
    """Check that the challenger is not worse than the champion `name`, and better than a tie.

    Where it `is_same`, a model that is to decide otherwise, there is nothing to be better at. The
    tolerance is that of params.yaml times `scale`.
    """
    value, low, high = gain
    tolerance = rule.tolerance * scale
    least = ">= 0 (the same model)" if is_same else "> 0 (a tie does not promote)"
    return Verdict(
        f"against {name}",
        f"{rule.metric} {value:+.4f} [{low:+.4f}, {high:+.4f}]",
        f"{least}, lower bound >= {-tolerance:+.6g}",
        (value > 0 or (is_same and value == 0)) and low >= -tolerance,
        AGAINST, value, (low, high), minimum=0.0,
    )  # fmt: skip
