"""The worst figures that a version has in blocks of days of its own rows, train and holdout.

A week of one season is easier or harder than the holdout without anything being wrong, so what
monitoring allows is made of what such weeks differ by. All rows count, not those of the reference
sample: of a year that has a few dozen rows of a slice in a week, and the worst of them is noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.contract.privacy import shown
from lifecycle.core import day_blocks
from lifecycle.core.blocks import of_rows
from lifecycle.core.frames import labels
from lifecycle.core.metric_names import worst as worst_of
from lifecycle.core.params import Params
from lifecycle.tasks import rules

Array = rules.Array
BIAS = "bias"
# The bootstrap draws days: of fewer, its intervals are too narrow to be believed.
MINIMUM_DAYS = 4


def judgeable(label: Array, day: Array, params: Params) -> bool:
    """Say whether there are both classes, and days enough to draw from."""
    days = min(MINIMUM_DAYS, params.evaluate.window_days)
    return bool(0 < label.mean() < 1) and len(np.unique(day)) >= days


def figure(label: Array, score: Array, name: str) -> float:
    """Return a figure of predictions: ROC AUC, the mean of a loss, or the bias."""
    if name == BIAS:
        return float((score - label).mean())
    if name == "roc_auc":
        order, ties = rules.prepared_scores(label, score, name)
        return rules.weighted_roc_auc(order, ties, label, np.ones(len(label)))
    return float(rules.per_row(label, score, name).mean())


def worst(rows: pl.DataFrame, schema: Schema, params: Params) -> dict[str, Any]:
    """Return the worst figure of a block of days, for all that the monitor judges of quality.

    None where the data has no time: then a window differs from the whole by chance alone, of which
    its own interval tells.

    Args:
        rows: Rows of train and holdout with `probability`.
        schema: The whole of schema.yaml.
        params: The whole of params.yaml.
    """
    name, days = params.gate.champion.metric, params.evaluate.window_days
    found: dict[str, list[float]] = {}
    if schema.time is None:
        return {"days": days, "metric": name, "figures": {}}
    wanted = {schema.time, schema.target, "probability", *params.evaluate.slices}
    # One begins on each day: then every whole week of these rows is itself one of the blocks.
    for block in day_blocks.blocks(rows.select(sorted(wanted)), schema.time, days, step=1):
        for key, value in _figures(block, schema, params):
            found.setdefault(key, []).append(value)
    bias = found.pop(BIAS, [])
    figures = {key: worst_of(name if "=" in key else key, values) for key, values in found.items()}
    figures |= {f"{BIAS} {end}": pick(bias) for end, pick in (("low", min), ("high", max)) if bias}
    return {"days": days, "metric": name, "figures": figures}


def _figures(block: pl.DataFrame, schema: Schema, params: Params) -> Iterator[tuple[str, float]]:
    """Yield what is judged of a block: the whole with labels enough, and each slice with rows."""
    name = params.gate.champion.metric
    if block.height >= params.evaluate.minimum_window_labels:
        for key in dict.fromkeys([name, "log_loss", BIAS]):
            yield from _figure(block, key, key, schema, params)
    for column in params.evaluate.slices:
        for (value,), part in block.partition_by(column, as_dict=True).items():
            if value is not None and part.height >= params.evaluate.minimum_slice_rows:
                told = shown(schema, column, value)
                yield from _figure(part, f"{column}={told}", name, schema, params)


def _figure(
    rows: pl.DataFrame, key: str, name: str, schema: Schema, params: Params
) -> Iterator[tuple[str, float]]:
    label = labels(rows, schema)
    if judgeable(label, of_rows(rows, schema), params):
        yield key, figure(label, rows["probability"].to_numpy(), name)
