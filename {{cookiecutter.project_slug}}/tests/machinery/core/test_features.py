"""Features are the same on frames and on arrays, and never use what is not known in time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.frames import arrays, learn, request_arrays
from lifecycle.core.reading import TYPES
from project import features as definition


def asked(
    monkeypatch: pytest.MonkeyPatch, schema: Schema, question: str, moments: list[datetime | None]
) -> tuple[list[Any], Any]:
    """Return what is asked of moments, of a frame and of arrays."""
    derived: Any = lambda column, functions: {  # noqa: E731
        "asked": getattr(functions, question)(column(schema.clock))
    }
    monkeypatch.setattr(definition, "derive", derived)
    types = {schema.clock: pl.Datetime("us")}
    frame = pl.DataFrame({schema.clock: moments}, types).with_columns(
        pl.lit(None, TYPES[schema[name].type]).alias(name)
        for name in schema.request if name != schema.clock
    )  # fmt: skip
    found = features.on_arrays(schema, request_arrays(frame, schema))["asked"]
    return features.on_frame(schema, frame)["asked"].to_list(), found


@pytest.mark.parametrize("question", ["hour", "minute", "weekday"])
def test_both_clocks_give_the_same_answer(
    question: str, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    moments: list[datetime | None] = [
        datetime(1970, 1, 1) + timedelta(minutes=chance.randrange(60 * 24 * 365 * 100))
        for _ in range(5000)
    ]
    moments += [datetime(1969, 12, 31, 23, 59), datetime(2024, 2, 29), None]
    from_frame, from_array = asked(monkeypatch, schema, question, moments)
    answers: dict[str, Callable[[datetime], int]] = {
        "hour": lambda m: m.hour, "minute": lambda m: m.minute, "weekday": datetime.isoweekday,
    }  # fmt: skip
    known = answers[question]
    assert from_frame == [None if moment is None else known(moment) for moment in moments]
    np.testing.assert_array_equal(np.array(from_frame, float), np.asarray(from_array, float))


def test_the_clock_reads_a_known_moment(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    moment: list[datetime | None] = [datetime(2013, 5, 31, 17, 45)]
    found = [
        asked(monkeypatch, schema, question, moment)[1][0]
        for question in ("hour", "minute", "weekday")
    ]
    assert found == [17, 45, 5]


def test_real_rows_give_the_same_features_to_the_bit(rows: pl.DataFrame, schema: Schema) -> None:
    frame = rows.select(schema.request)
    assert sum(frame.null_count().row(0)) > 0
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


def test_a_lazy_frame_gives_the_same_features(rows: pl.DataFrame, schema: Schema) -> None:
    learnt = learn(rows, schema)
    lazy = features.on_frame(schema, rows.lazy(), learnt).collect()
    assert lazy.equals(features.on_frame(schema, rows, learnt))


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
    monkeypatch.setattr(definition, "derive", lambda pick, functions: {"derived": pick(column) + 1})
    message = f"features.py uses the column {column}, {reason}"
    with pytest.raises(StageError, match=message):
        features.names(schema)
    with pytest.raises(StageError, match=message):
        features.on_frame(schema, rows)
    with pytest.raises(StageError, match=message):
        features.on_arrays(schema, request_arrays(rows, schema))
