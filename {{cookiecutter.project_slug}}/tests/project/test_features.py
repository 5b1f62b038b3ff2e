"""The features are what they say, and the same in training and in the service."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.core.frames import arrays, learn, request_arrays


def test_real_rows_give_the_same_features_to_the_bit(rows: pl.DataFrame, schema: Schema) -> None:
    frame = rows.select(schema.request)
    learnt = learn(rows, schema)
    expected = arrays(features.on_frame(schema, frame, learnt), features.names(schema))
    found = features.on_arrays(schema, request_arrays(frame, schema), learnt)
    assert list(found) == list(expected) == features.names(schema)
    for name, values in expected.items():
        if values.dtype == object:
            assert list(found[name]) == list(values), name
        else:
            bits = found[name].astype(np.float64).view(np.int64)
            np.testing.assert_array_equal(bits, values.view(np.int64), err_msg=name)


def test_a_flight_over_midnight_takes_less_than_a_day(schema: Schema) -> None:
    frame = pl.DataFrame(
        {
            schema.clock: [datetime(2013, 5, 31, 23, 30)],
            "scheduled_arrival_minute": [15],
            "temperature": [60.0],
            "dewpoint": [None],
        },
        schema_overrides={"dewpoint": pl.Float64},
    )
    row = features.on_frame(schema, frame).row(0, named=True)
    assert row["departure_minute"] == 23 * 60 + 30
    assert row["scheduled_minutes"] == 45
    assert row["weekday"] == 5
    assert row["dewpoint_spread"] is None
