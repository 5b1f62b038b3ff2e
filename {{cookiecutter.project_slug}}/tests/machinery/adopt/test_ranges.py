"""Limits have a margin that fits the column, and orders between columns only where they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from adopt.made import profiled

from lifecycle.adopt import columns, keys, ranges

RANDOM = np.random.default_rng(3)


def limits(values: Any) -> dict[str, float]:
    found, typed = profiled(pl.DataFrame({"x": values}))
    return ranges.limits(typed["x"], columns.values_of(typed, found)["x"])


def test_limits_lie_beyond_what_was_seen() -> None:
    found = limits(RANDOM.normal(0, 1, 1_000))
    assert -6 < found["minimum"] < -3
    assert 3 < found["maximum"] < 6


def test_what_was_never_negative_stays_so() -> None:
    assert limits(RANDOM.exponential(10, 1_000).round(2) + 0.01)["minimum"] == 0
    assert limits(-RANDOM.exponential(10, 1_000).round(2) - 0.01)["maximum"] == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (RANDOM.random(500), {"minimum": 0, "maximum": 1}),
        ([1, 2, 3, 4, 5] * 20, {"minimum": 1, "maximum": 5}),
        ([*RANDOM.uniform(20, 100, 300).round(1), 100.0], {"minimum": 12, "maximum": 100}),
        (["a", "b"] * 20, {}),
    ],
)
def test_scales_and_shares_end_where_they_end(values: Any, expected: dict[str, float]) -> None:
    assert limits(values) == expected


def test_a_long_tail_has_room_for_a_larger_value() -> None:
    values = RANDOM.lognormal(0, 2, 2_000).round(3)
    assert limits(values)["maximum"] > 1.5 * values.max()


def test_nulls_are_allowed_as_often_as_they_come_and_somewhat_more() -> None:
    frame = pl.DataFrame({"x": [None, *range(9)] * 100, "y": range(1_000)})
    found = profiled(frame)[1]
    assert 0.1 < ranges.null_share(found["x"]) < 0.2
    assert ranges.null_share(found["y"]) == 0


def test_a_category_is_open_where_values_still_come_up() -> None:
    closed = profiled(pl.DataFrame({"x": ["a", "b", "c"] * 100}))[1]["x"]
    assert ranges.categories(closed) == {"categories": ["a", "b", "c"]}
    rare = profiled(pl.DataFrame({"x": ["a", "b", "c"] * 100 + ["d", "e"]}))[1]["x"]
    assert ranges.categories(rare)["unknown_share"] >= 2 / 302


def test_an_order_is_expected_only_where_it_holds_and_means_something() -> None:
    low = RANDOM.normal(50, 10, 500).round(2)
    frame = pl.DataFrame({
        "low": low, "high": low + RANDOM.exponential(5, 500).round(2),
        "far": RANDOM.normal(5_000, 10, 500).round(1), "other": RANDOM.normal(60, 10, 500).round(2),
    })  # fmt: skip
    found, typed = profiled(frame)
    values = columns.values_of(typed, found)
    assert ranges.orders(values, list(typed.values())) == [("low", "high")]


def test_an_order_that_one_row_of_all_breaks_is_none() -> None:
    rows = {"low": ["1", "2", "9"], "high": ["2", "3", "4"]}
    frame = pl.DataFrame(rows)
    typed = profiled(frame)[1]
    held = keys.hold(frame.lazy(), typed, [("low",)], [("low", "high")], is_text=True)
    assert held == keys.Held([("low",)], [])
