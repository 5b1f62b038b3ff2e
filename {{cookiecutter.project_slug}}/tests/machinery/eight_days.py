"""Eight days of made-up predictions, and params by which blocks and windows of them are judged."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params

# How far predictions of each day are too high.
BIAS = (0.0, 0.1, 0.0, -0.2, 0.0, 0.2, 0.2, 0.0)


def judging_few(params: Params) -> Params:
    """Return params with blocks of four days of forty labels, and slices of twenty."""
    few = {"window_days": 4, "minimum_window_labels": 40, "minimum_slice_rows": 20,
           "slices": ("origin",)}  # fmt: skip
    return params.model_copy(update={"evaluate": params.evaluate.model_copy(update=few)})


def rows(schema: Schema) -> pl.DataFrame:
    """Ten rows a day, on eight days: half of each airport's are late."""
    numbers = range(80)
    return pl.DataFrame({
        schema.clock: [datetime(2013, 3, 1) + timedelta(n // 10) for n in numbers],
        "origin": [("EWR", "JFK")[n % 2] for n in numbers],
        schema.target: [n % 4 < 2 for n in numbers],
        "probability": [0.3 + 0.4 * (n % 4 < 2) + BIAS[n // 10] for n in numbers],
    }).with_columns(pl.when(pl.int_range(80) >= 10).then("origin"))  # fmt: skip
