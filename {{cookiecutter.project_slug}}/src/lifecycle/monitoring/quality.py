"""Quality of served predictions once labels have come: metric, log loss, bias, and by slice.

Intervals are a bootstrap by whole days, as rows of one day are not independent (Künsch, 1989).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.core.blocks import of_rows
from lifecycle.core.frames import labels
from lifecycle.core.metric_names import SIGN
from lifecycle.core.params import Params
from lifecycle.monitoring.alerts import Alert, fires
from lifecycle.monitoring.settings import Monitor
from lifecycle.pipeline.block_figures import BIAS, judgeable
from lifecycle.pipeline.reference import FEATURE
from lifecycle.tasks import rules

Array = rules.Array


def intervals(
    label: Array, score: Array, day: Array, name: str, params: Params
) -> dict[str, tuple[float, float, float]]:
    """Return value and interval of the metric `name`, of log loss and of the bias."""
    losses = {
        other: rules.prepared_scores(label, score, other)[0]
        for other in {"log_loss", name} - {"roc_auc"}
    }
    blocks, index = np.unique(day, return_inverse=True)
    count = np.bincount(index)
    sums = {key: np.bincount(index, loss) for key, loss in (*losses.items(), (BIAS, score - label))}
    order, ties = rules.prepared_scores(label, score, "roc_auc")
    generator = np.random.default_rng(params.train.seed)
    draws = [np.bincount(generator.integers(0, len(blocks), len(blocks)), minlength=len(blocks))
             for _ in range(params.part(Monitor).quality.resamples)]  # fmt: skip
    tail = (1 - params.gate.champion.confidence) / 2

    def figure(key: str, draw: Array) -> float:
        if key == "roc_auc":
            weight = draw[index]
            # A draw of days without both classes says nothing.
            if not (weight * label).any() or not (weight * (1 - label)).any():
                return float("nan")
            return rules.weighted_roc_auc(order, ties, label, weight)
        return float((sums[key] * draw).sum() / (count * draw).sum())

    found = {}
    for key in dict.fromkeys([name, "log_loss", BIAS]):
        low, high = np.nanquantile([figure(key, draw) for draw in draws], [tail, 1 - tail])
        found[key] = (figure(key, np.ones(len(blocks))), float(low), float(high))
    return found


def of_window(rows: pl.DataFrame, schema: Schema, params: Params) -> dict[str, Any] | None:
    """Return the quality of a window's predictions; None with too few labels, days or classes."""
    label = labels(rows, schema)
    score, day = rows["probability"].to_numpy(), of_rows(rows, schema)
    enough = rows.height >= params.evaluate.minimum_window_labels
    if not enough or not judgeable(label, day, params):
        return None
    name = params.gate.champion.metric
    figures = intervals(label, score, day, name, params)
    value, low, high = figures[name]
    return {
        "metric": name, "value": value, "low": low, "high": high, "rows": rows.height,
        "base_rate": float(label.mean()), "mean_prediction": float(score.mean()),
        **{key: {"value": v, "low": lo, "high": hi} for key, (v, lo, hi) in figures.items()
           if key != name},
        "slices": list(_slices(rows, label, score, day, params)),
    }  # fmt: skip


def _slices(rows: pl.DataFrame, label: Array, score: Array, day: Array, params: Params) -> Any:
    """Yield metric and interval of each slice that is large enough and has both classes."""
    name = params.gate.champion.metric
    for column in params.evaluate.slices:
        known = column if column in rows.columns else FEATURE + column
        if known not in rows.columns:
            continue  # private
        values = rows[known]
        for value in values.unique().drop_nulls().sort():
            picked = (values == value).fill_null(value=False).to_numpy()
            some = label[picked]
            if picked.sum() < params.evaluate.minimum_slice_rows:
                continue
            if not judgeable(some, day[picked], params):
                continue
            got, low, high = intervals(some, score[picked], day[picked], name, params)[name]
            text = str(int(value)) if isinstance(value, float) else str(value)
            yield {"slice": column, "of": text, "rows": int(picked.sum()), "value": got,
                   "low": low, "high": high}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Whether a figure of a window is surely too bad, or far too bad, and a sentence."""

    bad: bool
    sudden: bool
    sentence: str


def verdicts(
    found: dict[str, Any], evaluation: dict[str, Any], params: Params
) -> dict[str, Verdict]:
    """Return the verdict on each figure of a window: its whole interval must lie beyond a limit."""
    name, worst = found["metric"], _worst_blocks(evaluation, params)
    figures = {name: (found, evaluation["metrics"][name])}
    if name != "log_loss":
        figures["log_loss"] = (found["log_loss"], evaluation["metrics"]["log_loss"])
    for one in found["slices"]:
        known = _slice(evaluation, one["slice"], one["of"])
        if known is not None:
            figures[f"{one['slice']}={one['of']}"] = (one, known[name])
    result = {}
    for key, (measured, before) in figures.items():
        value, low, high = (measured[part] for part in ("value", "low", "high"))
        sign = -SIGN[name if "=" in key else key]
        # How much worse than on the holdout it is at least, and the worst block was.
        worse = low - before if sign > 0 else before - high
        block = sign * (worst[key] - before) if key in worst else None
        of = f"{name} of {key}" if "=" in key else key
        said = f"{of} is {value:.3f} [{low:.3f}, {high:.3f}], on the holdout it was {before:.3f}"
        result[key] = _verdict(worse, block, before, sign, said, params)
    result[BIAS] = _of_bias(found, worst, params)
    return result


def _worst_blocks(evaluation: dict[str, Any], params: Params) -> dict[str, float]:
    """Return the worst figures of blocks; none of a version from before they were kept."""
    kept = evaluation.get("worst_blocks", {})
    same = (kept.get("days"), kept.get("metric")) == (
        params.evaluate.window_days, params.gate.champion.metric,
    )  # fmt: skip
    figures: dict[str, float] = kept["figures"] if same else {}
    return figures


def _of_bias(found: dict[str, Any], worst: dict[str, float], params: Params) -> Verdict:
    """Return the verdict on the bias, on the side to which it surely leans."""
    bias = found[BIAS]
    sign = 1 if bias["low"] >= -bias["high"] else -1
    worse, end = (bias["low"], "high") if sign > 0 else (-bias["high"], "low")
    block = sign * worst[f"{BIAS} {end}"] if f"{BIAS} {end}" in worst else None
    said = (f"{found['mean_prediction']:.1%} were predicted on average and "
            f"{found['base_rate']:.1%} came true: bias {bias['value']:+.3f} "
            f"[{bias['low']:+.3f}, {bias['high']:+.3f}]")  # fmt: skip
    return _verdict(worse, block, 0.0, sign, said, params)


def _verdict(
    worse: float, block: float | None, before: float, sign: int, said: str, params: Params
) -> Verdict:
    """Compare how much worse a window is with the tolerance, or with the worst block."""
    tolerance = params.part(Monitor).quality.tolerance
    allowed = tolerance if block is None else max(tolerance, block)
    why = f"tolerance {tolerance}" if allowed == tolerance else (
        f"what the worst {params.evaluate.window_days} days of train and holdout had"
    )  # fmt: skip
    said += f" (limit {before + sign * allowed:.3f}: {why})"
    return Verdict(worse > allowed, worse > params.part(Monitor).sudden_factor * allowed, said)


def _slice(evaluation: dict[str, Any], column: str, value: str) -> dict[str, Any] | None:
    for one in evaluation["slices"]:
        if (one["slice"], one["value"]) == (column, value):
            metrics: dict[str, Any] | None = one["metrics"]
            return metrics
    return None


def alerts(names: list[str], by_window: list[dict[str, Verdict]], params: Params) -> list[Alert]:
    """Return an alert for each figure that fires in N of the last M windows with labels."""
    found = []
    for key, latest in by_window[-1].items() if by_window else ():
        flags = [key in verdicts and verdicts[key].bad for verdicts in by_window]
        if fires(flags, params.part(Monitor), sudden=latest.sudden):
            where = tuple(name for name, flag in zip(names, flags, strict=True) if flag)
            found.append(Alert("quality", key, latest.sentence, where))
    return found
