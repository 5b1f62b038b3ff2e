"""Features as logged against what training computes of the same rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.core.frames import learn, request_arrays
from lifecycle.monitoring import skew
from lifecycle.pipeline.reference import FEATURE


@pytest.fixture
def fitted(rows: pl.DataFrame, schema: Schema) -> features.Fitted:
    """What the features have learnt."""
    return learn(rows, schema)


@pytest.fixture
def logged(rows: pl.DataFrame, schema: Schema, fitted: features.Fitted) -> pl.DataFrame:
    """Rows with what the service computes: by the same definition, on arrays."""
    request = rows.select(schema.request)[:500]
    computed = features.on_arrays(schema, request_arrays(request, schema), fitted)
    return request.hstack([
        pl.Series(FEATURE + name, values.tolist()).fill_nan(None)
        if values.dtype != object else pl.Series(FEATURE + name, values.tolist(), pl.String)
        for name, values in computed.items()
    ])  # fmt: skip


def test_the_same_code_gives_the_same_features(
    logged: pl.DataFrame, schema: Schema, fitted: features.Fitted
) -> None:
    found = skew.differences(logged, schema, fitted)
    assert set(found) == set(features.names(schema))
    assert set(found.values()) == {0}
    assert skew.alerts(found, logged.height, "w") == []


def test_every_difference_counts(
    logged: pl.DataFrame, schema: Schema, fitted: features.Fitted
) -> None:
    """The smallest one that 64 bits have, a null where there is a value, another category."""
    minute, spread = FEATURE + "departure_minute", FEATURE + "dewpoint_spread"
    first = pl.int_range(pl.len()) == 0
    changed = logged.with_columns(
        pl.when(first)
        .then(np.nextafter(logged[minute][0], np.inf))
        .otherwise(minute)
        .alias(minute),
        pl.lit(None, pl.Float64).alias(spread),
        pl.lit("ZZ").alias(FEATURE + "carrier"),
    )
    found = skew.differences(changed, schema, fitted)
    known = logged[spread].drop_nulls().len()
    assert {name: count for name, count in found.items() if count} == {
        "departure_minute": 1, "dewpoint_spread": known, "carrier": logged.height,
    }  # fmt: skip
    alerts = {one.subject: one for one in skew.alerts(found, logged.height, "2013-03-01")}
    assert alerts["departure_minute"].message == (
        "departure_minute as logged differs from what training computes in 1 of 500 rows"
    )
