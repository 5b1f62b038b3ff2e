"""Quality of served predictions once labels have come: metric, log loss, bias, and by slice.

Intervals are a bootstrap by whole days, as rows of one day are not independent (Künsch, 1989).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.contract.outcome import chosen as outcomes
from lifecycle.core.blocks import of_rows
from lifecycle.core.frames import labels, scores
from lifecycle.core.metric_names import SIGN, scale
from lifecycle.core.params import Params
from lifecycle.monitoring.alerts import Alert, fires
from lifecycle.monitoring.settings import Monitor
from lifecycle.pipeline.block_figures import BIAS, judgeable
from lifecycle.pipeline.reference import FEATURE
from lifecycle.tasks import chosen as tasks
from lifecycle.tasks.drawn import Mean, draws, interval
from lifecycle.tasks.task import Array, Task


@dataclass(frozen=True)
class Judged:
    """Predictions whose labels have come, and what they are judged by."""

    label: Array
    scores: Array
    day: Array
    task: Task
    # In what the bias is measured.
    scale: float

    def part(self, rows: Array) -> Judged:
        """Return some of the rows."""
        return replace(self, label=self.label[rows], scores=self.scores[rows], day=self.day[rows])

    def intervals(self, name: str, params: Params) -> dict[str, tuple[float, float, float]]:
        """Return value and interval of the metric `name`, of the task's loss and of the bias."""
        task, seed = self.task, params.train.seed
        index, drawn = draws(self.day, params.part(Monitor).quality.resamples, seed)
        bias = Mean(lambda label, scores: task.bias(label, scores, self.scale))
        found = {}
        for key in dict.fromkeys([name, task.loss, BIAS]):
            drawing = bias if key == BIAS else task.drawn[key]
            figure = drawing.by_block(self.label, self.scores, index)
            low, high = interval(np.array([figure(draw) for draw in drawn]),
                                 params.gate.champion.confidence)  # fmt: skip
            found[key] = (figure(np.ones(index.max() + 1)), low, high)
        return found


def of_window(
    rows: pl.DataFrame, schema: Schema, params: Params, scale: float = 1.0
) -> dict[str, Any] | None:
    """Return the quality of a window's predictions; None with too few labels, days or classes."""
    task, day = tasks.of(schema), of_rows(rows, schema)
    found = Judged(labels(rows, schema), scores(rows, outcomes.of(schema)), day, task, scale)
    enough = rows.height >= params.evaluate.minimum_window_labels
    if not enough or not judgeable(found.label, day, params, task):
        return None
    name = params.gate.champion.metric
    figures = found.intervals(name, params)
    value, low, high = figures[name]
    return {
        "metric": name, "value": value, "low": low, "high": high, "rows": rows.height,
        "base_rate": float(task.outcome(found.label, found.scores).mean()),
        "mean_prediction": float(task.figure(found.scores).mean()),
        **{key: {"value": v, "low": lo, "high": hi} for key, (v, lo, hi) in figures.items()
           if key != name},
        "slices": list(_slices(rows, found, params)),
    }  # fmt: skip


def _slices(rows: pl.DataFrame, found: Judged, params: Params) -> Any:
    """Yield metric and interval of each slice that is large enough and can be judged."""
    name = params.gate.champion.metric
    for column in params.evaluate.slices:
        known = column if column in rows.columns else FEATURE + column
        if known not in rows.columns:
            continue  # private
        values = rows[known]
        for value in values.unique().drop_nulls().sort():
            picked = (values == value).fill_null(value=False).to_numpy()
            some = found.part(picked)
            if picked.sum() < params.evaluate.minimum_slice_rows:
                continue
            if not judgeable(some.label, some.day, params, some.task):
                continue
            got, low, high = some.intervals(name, params)[name]
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
    found: dict[str, Any], evaluation: dict[str, Any], params: Params, task: Task
) -> dict[str, Verdict]:
    """Return the verdict on each figure of a window: its whole interval must lie beyond a limit."""
    name, worst = found["metric"], _worst_blocks(evaluation, params)
    figures = {name: (found, evaluation["metrics"][name])}
    if name != task.loss:
        figures[task.loss] = (found[task.loss], evaluation["metrics"][task.loss])
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
        figure = f"{name} of {key}" if "=" in key else key
        said = (
            f"{figure} is {value:.3f} [{low:.3f}, {high:.3f}], on the holdout it was {before:.3f}"
        )
        of = scale(name if "=" in key else key, evaluation)
        result[key] = _verdict(worse, block, before, sign, said, params, of)
    result[BIAS] = _of_bias(found, worst, params, task)
    return result


def _worst_blocks(evaluation: dict[str, Any], params: Params) -> dict[str, float]:
    """Return the worst figures of blocks; none of a version from before they were kept."""
    kept = evaluation.get("worst_blocks", {})
    same = (kept.get("days"), kept.get("metric")) == (
        params.evaluate.window_days, params.gate.champion.metric,
    )  # fmt: skip
    figures: dict[str, float] = kept["figures"] if same else {}
    return figures


def _of_bias(found: dict[str, Any], worst: dict[str, float], params: Params, task: Task) -> Verdict:
    """Return the verdict on the bias, on the side to which it surely leans."""
    bias = found[BIAS]
    sign = 1 if bias["low"] >= -bias["high"] else -1
    worse, end = (bias["low"], "high") if sign > 0 else (-bias["high"], "low")
    block = sign * worst[f"{BIAS} {end}"] if f"{BIAS} {end}" in worst else None
    sentence = task.bias_sentence(found["mean_prediction"], found["base_rate"])
    said = (f"{sentence}: bias {bias['value']:+.3f} "
            f"[{bias['low']:+.3f}, {bias['high']:+.3f}]")  # fmt: skip
    return _verdict(worse, block, 0.0, sign, said, params)


def _verdict(
    worse: float, block: float | None, before: float, sign: int, said: str, params: Params,
    scale: float = 1.0,
) -> Verdict:  # fmt: skip
    """Compare how much worse a window is with the tolerance, or with the worst block."""
    tolerance = params.part(Monitor).quality.tolerance * scale
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
