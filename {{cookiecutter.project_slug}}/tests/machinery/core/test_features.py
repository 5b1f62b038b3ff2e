"""Features are the same on frames and on arrays, and never use what is not known in time."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.frames import arrays
from project import features as definition


def request_arrays(frame: pl.DataFrame, schema: Schema) -> dict[str, Any]:
    """Return the request's columns as the service has them."""
    others = [name for name in schema.request if name != schema.time]
    return {schema.time: frame[schema.time].to_numpy(), **arrays(frame, others)}


@pytest.mark.parametrize("question", ["hour", "minute", "weekday"])
def test_both_clocks_give_the_same_answer(question: str) -> None:
    chance = random.Random(1)
    moments: list[datetime | None] = [
        datetime(1970, 1, 1) + timedelta(minutes=chance.randrange(60 * 24 * 365 * 100))
        for _ in range(5000)
    ]
    moments += [datetime(1969, 12, 31, 23, 59), datetime(2024, 2, 29), None]
    frame = pl.DataFrame({"moment": moments}, schema={"moment": pl.Datetime("us")})
    asked = getattr(features.FrameClock(), question)(nw.col("moment"))
    from_frame = nw.from_native(frame).select(asked).to_native()["moment"].cast(pl.Float64)
    from_array = getattr(features.ArrayClock(), question)(frame["moment"].to_numpy())
    np.testing.assert_array_equal(from_frame.to_numpy(), np.asarray(from_array, float))


def test_the_clock_reads_a_known_moment() -> None:
    moment = np.array(["2013-05-31T17:45"], "datetime64[us]")
    clock = features.ArrayClock()
    assert (clock.hour(moment)[0], clock.minute(moment)[0], clock.weekday(moment)[0]) == (17, 45, 5)


def test_real_rows_give_the_same_features_to_the_bit(rows: pl.DataFrame, schema: Schema) -> None:
    frame = rows.select(schema.request)
    assert sum(frame.null_count().row(0)) > 0
    expected = arrays(features.on_frame(schema, frame), features.names(schema))
    found = features.on_arrays(schema, request_arrays(frame, schema))
    assert list(found) == list(expected) == features.names(schema)
    for name, values in expected.items():
        if values.dtype == object:
            assert list(found[name]) == list(values), name
        else:
            bits = found[name].astype(np.float64).view(np.int64)
            np.testing.assert_array_equal(bits, values.view(np.int64), err_msg=name)


def test_a_lazy_frame_gives_the_same_features(rows: pl.DataFrame, schema: Schema) -> None:
    lazy = features.on_frame(schema, rows.lazy()).collect()
    assert lazy.equals(features.on_frame(schema, rows))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("arrival_delay", "whose role is leak: it is not known when the prediction is made"),
        ("late", "whose role is target: it is not known when the prediction is made"),
        ("tail_number", "whose role is ignored: it is not known"),
        ("moon", "which schema.yaml does not have"),
    ],
)
def test_a_column_that_is_not_known_in_time_is_refused(
    rows: pl.DataFrame,
    schema: Schema,
    monkeypatch: pytest.MonkeyPatch,
    column: str,
    reason: str,
) -> None:
    monkeypatch.setattr(definition, "derive", lambda pick, clock: {"derived": pick(column) + 1})
    message = f"features.py uses the column {column}, {reason}"
    with pytest.raises(StageError, match=message):
        features.names(schema)
    with pytest.raises(StageError, match=message):
        features.on_frame(schema, rows)
    with pytest.raises(StageError, match=message):
        features.on_arrays(schema, request_arrays(rows, schema))
