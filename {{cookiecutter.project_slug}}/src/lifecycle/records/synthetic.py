"""Rows that may leave the project: what is private in them is made up, the rest is real.

They go with a model wherever it goes (the smoke request of its Bento, its input example), so no
real value of a column that schema.yaml marks private may stand in them, not even as a hash: a
request has to be valid, and the model has to answer it.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.features import origins
from lifecycle.contract.values import FIRST_YEAR

# Steps of the golden ratio: however few rows are taken, they are spread over the whole range.
STEP = (math.sqrt(5) - 1) / 2
# Of a column that may be null every so many-th row is: real nulls are as private as values.
NULLS = 7
# The range of a number that schema.yaml does not limit.
RANGE = 10_000.0


def value(column: Column, number: int) -> Any:
    """Return the value of row `number` of a private column: valid, and taken from no row."""
    if column.null_share > 0 and number % NULLS == NULLS - 1:
        return None
    if column.type == "category":
        return column.categories[number % len(column.categories)]
    if column.type == "boolean":
        return number % 2 == 0
    if column.type == "datetime":
        return datetime(FIRST_YEAR, 1, 1) + timedelta(minutes=number)
    if column.type == "string":
        return f"synthetic-{number}"
    low, high = limits(column)
    share = number * STEP % 1
    if column.type == "float":
        return low + (high - low) * share
    low, high = math.ceil(low), math.floor(high)
    # The rows of a key differ, while the range lasts.
    step = number if "key" in column.roles else math.floor(share * (high - low + 1))
    return low + step % (high - low + 1)


def limits(column: Column) -> tuple[float, float]:
    """Return the range of a number, bounded where schema.yaml gives no bound."""
    low, high = column.minimum, column.maximum
    if low is None:
        low = 0.0 if high is None else high - RANGE
    return low, low + RANGE if high is None else high


def made_up(rows: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return the request's columns of `rows`, with made-up values where private."""
    return rows.select(schema.request).with_columns(
        pl.Series(name, [value(schema[name], n) for n in range(rows.height)], rows[name].dtype)
        for name in schema.request
        if schema[name].private
    )


def without_private(rows: pl.DataFrame, schema: Schema, fitted: features.Fitted) -> pl.DataFrame:
    """Return the request's columns and features of `rows`, with made-up values where private.

    `fitted` is what the model has learnt for its features.
    """
    private = {name for name in schema.request if schema[name].private}
    derived = {name: used for name, used in origins(schema).items() if name not in schema.request}
    # Anew is computed only what these values have a part in. The rest is the pipeline's own: by it
    # the smoke check sees a definition that is another than the model was trained with.
    anew = [name for name, used in derived.items() if used & private or name not in rows.columns]
    request = made_up(rows, schema)
    shown = request.hstack(rows.select(*(derived.keys() - set(anew))))
    if not anew:
        return shown
    found: pl.DataFrame = features.on_frame(schema, request, fitted)
    return shown.with_columns(found.select(anew))
