"""Every expectation of the suite passes on real rows, and fails on rows spoilt in its own way.

Great Expectations is started once, for all spoilt copies together.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecycle.contract.columns import load_schema
from lifecycle.core.params import Params
from lifecycle.pipeline import validate
from lifecycle.pipeline.suite import Expectation, load_beyond, of_periods, of_snapshot

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "schema.yaml")
BEYOND = load_beyond(ROOT / "expectations" / "suite.yaml")
Result = dict[str, Any]
# A frame, what is expected of it, and what identifies a row.
Checked = tuple[pl.DataFrame, Sequence[Expectation], list[str]]
# Columns that are shifted by a row against the others, and the derived column that must notice;
# those of one set do not hide each other.
SLIPS = [
    {
        "air_time": "speed_in_miles_an_hour",
        "arrival_delay": "delay_gained_in_flight",
        "temperature": "hour_temperature_spread",
        "pressure": "hour_pressure_spread",
        "wind_speed": "hour_wind_spread",
        "wind_direction": "hour_direction_spread",
        "wind_gust": "hour_gust_spread",
        "precipitation": "hour_precipitation_spread",
        "visibility": "hour_visibility_spread",
        "scheduled_arrival_minute": "duration_off_route",
        "tail_number": "same_airline",
    },
    {
        "departure_delay": "delay_gained_in_flight",
        "late": "late_by_delay",
        "distance": "route_distance_spread",
        "dewpoint": "humidity_off_formula",
        "carrier": "same_airline",
    },
    {"destination": "route_distance_spread", "humidity": "humidity_off_formula"},
    {"origin": "route_distance_spread"},
]
# No slip of rows, but two columns exchanged.
EXCHANGED, NOTICED = ("temperature", "dewpoint"), "dewpoint_above_temperature"


def shift(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Move one column by a row; the last value becomes the first."""
    return frame.with_columns(pl.concat([frame[column].tail(1), frame[column].head(-1)]))


def exchange(frame: pl.DataFrame, one: str, other: str) -> pl.DataFrame:
    """Exchange two columns."""
    return frame.with_columns(pl.col(one).alias(other), pl.col(other).alias(one))


@pytest.fixture(scope="module")
def days(snapshot: pl.DataFrame) -> pl.DataFrame:
    """Whole days, each tenth: what ties rows of one hour to each other needs all of them."""
    return snapshot.filter(pl.col(SCHEMA.clock).dt.ordinal_day() % 10 == 0)


@pytest.fixture(scope="module")
def found(
    rows: pl.DataFrame,
    days: pl.DataFrame,
    params: Params,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[Result]]:
    """What Great Expectations says of each copy, by its name."""
    suite = of_snapshot(SCHEMA, params.data.dates, BEYOND)
    keys, months = SCHEMA.names("key"), of_periods(params.validate_)
    frames: dict[str, Checked] = {
        "clean rows": (validate.with_derived(rows, BEYOND), suite, keys),
        "clean days": (validate.with_derived(days, BEYOND), list(BEYOND.expectations), keys),
        "months": (validate.periods(rows, SCHEMA), months, ["month"]),
    }
    slipped = [functools.reduce(shift, slip, days) for slip in SLIPS]
    for number, frame in enumerate([*slipped, exchange(days, *EXCHANGED)]):
        derived = validate.with_derived(frame, BEYOND)
        frames[f"slip {number}"] = (derived, list(BEYOND.expectations), keys)
    docs = tmp_path_factory.mktemp("docs")
    results = validate.check(frames, docs, examples=5)
    assert (docs / "index.html").is_file()
    return {name: [one for one in results if one["data"] == name] for name in frames}


def failed(results: list[Result]) -> list[Result]:
    return [one for one in results if not one["passed"]]


@pytest.mark.parametrize("name", ["clean rows", "clean days", "months"])
def test_real_rows_pass(found: dict[str, list[Result]], name: str) -> None:
    assert found[name]
    assert failed(found[name]) == []


@pytest.mark.parametrize(
    ("number", "column", "noticed"),
    [(i, column, noticed) for i, slip in enumerate(SLIPS) for column, noticed in slip.items()],
)
def test_a_column_shifted_against_the_others_is_noticed(
    found: dict[str, list[Result]], number: int, column: str, noticed: str
) -> None:
    (result,) = [one for one in failed(found[f"slip {number}"]) if one["column"] == noticed]
    assert result["count"] > 0


def test_two_columns_exchanged_are_noticed(found: dict[str, list[Result]]) -> None:
    assert NOTICED in [one["column"] for one in failed(found[f"slip {len(SLIPS)}"])]


def test_no_expectation_of_the_suite_is_without_a_test_that_makes_it_fail() -> None:
    shown = {noticed for slip in SLIPS for noticed in slip.values()} | {NOTICED}
    assert {e.kwargs["column"] for e in BEYOND.expectations} == shown
