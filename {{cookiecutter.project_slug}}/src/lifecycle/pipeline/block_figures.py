"""The worst figures that a version has in blocks of days of its own rows, train and holdout.

A week of one season is easier or harder than the holdout without anything being wrong, so what
monitoring allows is made of what such weeks differ by. All rows count, not those of the reference
sample: of a year that has a few dozen rows of a slice in a week, and the worst of them is noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.contract.outcome import chosen as outcomes
from lifecycle.contract.privacy import shown
from lifecycle.core import day_blocks
from lifecycle.core.blocks import of_rows
from lifecycle.core.frames import labels, scores
from lifecycle.core.metric_names import worst as worst_of
from lifecycle.core.params import Params
from lifecycle.tasks import chosen as tasks
from lifecycle.tasks.task import Array, Task

BIAS = "bias"
# The bootstrap draws days: of fewer, its intervals are too narrow to be believed.
MINIMUM_DAYS = 4


def judgeable(label: Array, day: Array, params: Params, task: Task) -> bool:
    """Say whether metrics of these rows mean anything, and there are days enough to draw from."""
    days = min(MINIMUM_DAYS, params.evaluate.window_days)
    return task.is_judgeable(label) and len(np.unique(day)) >= days


def figure(label: Array, scores: Array, name: str, task: Task, scale: float = 1.0) -> float:
    """Return a figure of predictions: a metric that can be drawn, or the bias."""
    if name == BIAS:
        return float(task.bias(label, scores, scale).mean())
    return task.drawn[name].plain(label, scores)


def worst(rows: pl.DataFrame, schema: Schema, params: Params, scale: float = 1.0) -> dict[str, Any]:
    """Return the worst figure of a block of days, for all that the monitor judges of quality.

    None where the data has no time: then a window differs from the whole by chance alone, of which
    its own interval tells.

    Args:
        rows: Rows of train and holdout with what is predicted for them.
        schema: The whole of schema.yaml.
        params: The whole of params.yaml.
        scale: In what the bias is measured.
    """
    name, days = params.gate.champion.metric, params.evaluate.window_days
    found: dict[str, list[float]] = {}
    if schema.time is None:
        return {"days": days, "metric": name, "figures": {}}
    score = outcomes.of(schema).score.name
    wanted = {schema.time, schema.target, score, *params.evaluate.slices}
    judged = Judged(schema, params, tasks.of(schema), scale)
    # One begins on each day: then every whole week of these rows is itself one of the blocks.
    for block in day_blocks.blocks(rows.select(sorted(wanted)), schema.time, days, step=1):
        for key, value in judged.figures(block):
            found.setdefault(key, []).append(value)
    bias = found.pop(BIAS, [])
    figures = {key: worst_of(name if "=" in key else key, values) for key, values in found.items()}
    figures |= {f"{BIAS} {end}": pick(bias) for end, pick in (("low", min), ("high", max)) if bias}
    return {"days": days, "metric": name, "figures": figures}


@dataclass(frozen=True)
class Judged:
    """What blocks are judged by."""

    schema: Schema
    params: Params
    task: Task
    scale: float

    def figures(self, block: pl.DataFrame) -> Iterator[tuple[str, float]]:
        """Yield what is judged of a block: the whole with labels enough, and slices with rows."""
        name, chosen = self.params.gate.champion.metric, self.params.evaluate
        if block.height >= chosen.minimum_window_labels:
            for key in dict.fromkeys([name, self.task.loss, BIAS]):
                yield from self._figure(block, key, key)
        for column in chosen.slices:
            for (value,), part in block.partition_by(column, as_dict=True).items():
                if value is not None and part.height >= chosen.minimum_slice_rows:
                    told = shown(self.schema, column, value)
                    yield from self._figure(part, f"{column}={told}", name)

    def _figure(self, rows: pl.DataFrame, key: str, name: str) -> Iterator[tuple[str, float]]:
        label = labels(rows, self.schema)
        if judgeable(label, of_rows(rows, self.schema), self.params, self.task):
            found = scores(rows, outcomes.of(self.schema))
            yield key, figure(label, found, name, self.task, self.scale)
