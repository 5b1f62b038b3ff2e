"""Every expectation passes on real rows, and fails on rows that were spoilt in its own way.

Great Expectations is started once, for all spoilt copies together.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecycle import validate
from lifecycle.columns import Column, Schema, load_schema
from lifecycle.command import run
from lifecycle.params import Params
from lifecycle.suite import Beyond, Expectation, load_beyond, of_months, of_snapshot

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "schema.yaml")
BEYOND = load_beyond(ROOT / "expectations" / "suite.yaml")
Result = dict[str, Any]
Spoil = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Case:
    """One way to spoil a column, the rule that must notice, and how often."""

    column: str
    rule: str
    spoil: Spoil
    count: Callable[[pl.DataFrame], int]


def overwrite(column: str, value: Any, share: float) -> Spoil:
    """Set the first rows of a column, just more than `share` of them."""

    def spoil(frame: pl.DataFrame) -> pl.DataFrame:
        first = pl.int_range(pl.len()) <= math.floor(share * frame.height)
        kind = frame.schema[column]
        spoilt = pl.when(first).then(pl.lit(value, kind)).otherwise(pl.col(column))
        return frame.with_columns(spoilt.alias(column))

    return spoil


def retype(column: str, kind: Any) -> Spoil:
    """Give a column another type."""
    return lambda frame: frame.with_columns(pl.col(column).cast(kind, strict=False))


def of_column(column: Column) -> dict[str, Case]:
    """Return one case for each thing that the schema says of a column."""
    name, found = column.name, {}
    nulls = overwrite(name, None, column.null_share)
    found["nulls"] = Case(
        name, "expect_column_values_to_not_be_null", nulls, lambda f: f[name].null_count()
    )
    other: Any = {"integer": pl.Float64, "boolean": pl.Int64, "float": pl.String}
    found["type"] = Case(
        name,
        "expect_column_values_to_be_of_type",
        retype(name, other.get(column.type, pl.Int64)),
        lambda f: f.height,
    )
    for limit, value in (("minimum", column.minimum), ("maximum", column.maximum)):
        if value is not None:
            beyond = value + (1 if limit == "maximum" else -1)
            found[limit] = Case(
                name,
                "expect_column_values_to_be_between",
                overwrite(name, beyond, 0),
                lambda _: 1,
            )
    if column.categories:
        found["category"] = Case(
            name,
            "expect_column_values_to_be_in_set",
            overwrite(name, "never seen", column.unknown_share),
            lambda f: f.filter(pl.col(name) == "never seen").height,
        )
    return found


CASES = {f"{c.name} {kind}": case for c in SCHEMA.columns for kind, case in of_column(c).items()}

# A column shifted by a row against the others, and the derived column that must notice.
SHIFTED = {
    "air_time": "speed_in_miles_an_hour",
    "arrival_delay": "delay_gained_in_flight",
    "departure_delay": "delay_gained_in_flight",
    "late": "late_by_delay",
    "distance": "route_distance_spread",
    "destination": "route_distance_spread",
    "origin": "route_distance_spread",
    "temperature": "hour_temperature_spread",
    "dewpoint": "humidity_off_formula",
    "humidity": "humidity_off_formula",
    "pressure": "hour_pressure_spread",
    "wind_speed": "hour_wind_spread",
    "wind_direction": "hour_direction_spread",
    "wind_gust": "hour_gust_spread",
    "precipitation": "hour_precipitation_spread",
    "visibility": "hour_visibility_spread",
    "scheduled_arrival_minute": "duration_off_route",
    "tail_number": "same_airline",
    "carrier": "same_airline",
}
# Not a slip of rows, but two columns exchanged.
EXCHANGED = ("temperature", "dewpoint")
NOTICES = {**SHIFTED, "exchanged": "dewpoint_above_temperature"}


def shift(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Move one column by a row; the last value becomes the first."""
    return frame.with_columns(pl.concat([frame[column].tail(1), frame[column].head(-1)]))


def exchange(frame: pl.DataFrame, one: str, other: str) -> pl.DataFrame:
    """Exchange two columns."""
    return frame.with_columns(pl.col(one).alias(other), pl.col(other).alias(one))


@pytest.fixture(scope="module")
def days(snapshot: pl.DataFrame) -> pl.DataFrame:
    """Whole days, each tenth: what ties rows of one hour to each other needs all of them."""
    return snapshot.filter(pl.col(SCHEMA.time).dt.ordinal_day() % 10 == 0)


@pytest.fixture(scope="module")
def spoilt(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The copy of real rows of each case."""
    return {name: case.spoil(rows) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def found(
    rows: pl.DataFrame,
    days: pl.DataFrame,
    spoilt: dict[str, pl.DataFrame],
    real_params: Params,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[Result]]:
    """What Great Expectations says of each copy, by its name."""
    suite = of_snapshot(SCHEMA, real_params.data.window, BEYOND)
    keys, months = SCHEMA.names("key"), of_months(real_params.validate_)
    frames: dict[str, tuple[pl.DataFrame, list[Expectation], list[str]]] = {
        "clean rows": (validate.with_derived(rows, BEYOND), suite, keys),
        "clean days": (validate.with_derived(days, BEYOND), list(BEYOND.expectations), keys),
        "months": (validate.months(rows, SCHEMA), months, ["month"]),
    }
    for name, frame in spoilt.items():
        about = [e for e in suite if e.kwargs.get("column") == CASES[name].column]
        about = [e for e in about if e.type == CASES[name].rule]
        frames[name] = (frame, about, keys)
    slipped = {column: shift(days, column) for column in SHIFTED}
    slipped["exchanged"] = exchange(days, *EXCHANGED)
    for name, frame in slipped.items():
        derived = validate.with_derived(frame, BEYOND)
        about = [e for e in BEYOND.expectations if e.kwargs["column"] == NOTICES[name]]
        frames[f"shifted {name}"] = (derived, about, keys)
    later = rows.with_columns(pl.col(SCHEMA.time).dt.offset_by("12mo"))
    last = pl.col(SCHEMA.time).dt.strftime("%Y-%m") == real_params.data.window.end
    thinner = pl.concat([rows.filter(~last), rows.filter(last).gather_every(2)])
    others: dict[str, tuple[pl.DataFrame, list[Expectation], list[str]]] = {
        "duplicate": (pl.concat([rows, rows.head(3)]), suite[1:2], keys),
        "later": (pl.concat([rows.tail(-2), later.head(2)]), suite[2:3], keys),
        "without": (rows.drop("humidity"), suite[:1], keys),
        "thinner": (validate.months(thinner, SCHEMA), months, ["month"]),
    }
    frames |= others
    docs = tmp_path_factory.mktemp("docs")
    results = validate.check(frames, docs, examples=5)
    assert (docs / "index.html").is_file()
    return {name: [one for one in results if one["data"] == name] for name in frames}


def failed(results: list[Result]) -> list[Result]:
    return [one for one in results if not one["passed"]]


def the(results: list[Result], column: str, rule: str) -> Result:
    """Return the result of one expectation."""
    (one,) = [r for r in results if (r["column"], r["rule"]) == (column, rule) and not r["passed"]]
    return one


@pytest.mark.parametrize("name", ["clean rows", "clean days", "months"])
def test_real_rows_pass(found: dict[str, list[Result]], name: str) -> None:
    assert found[name]
    assert failed(found[name]) == []


@pytest.mark.parametrize("name", CASES)
def test_a_spoilt_column_is_named_with_rule_and_count(
    found: dict[str, list[Result]], spoilt: dict[str, pl.DataFrame], name: str
) -> None:
    case = CASES[name]
    result = the(found[name], case.column, case.rule)
    # Of a type, Great Expectations judges the whole column at once.
    assert result["count"] in (case.count(spoilt[name]), spoilt[name].height)
    assert result["count"] > 0
    assert 0 < result["share"] <= 1


def test_a_limit_is_exceeded_by_one_row_alone(found: dict[str, list[Result]]) -> None:
    result = the(found["distance maximum"], "distance", "expect_column_values_to_be_between")
    assert result["count"] == 1
    assert list(result["examples"][0]) == SCHEMA.names("key")


@pytest.mark.parametrize("column", NOTICES)
def test_a_column_that_has_slipped_against_the_others_is_noticed(
    found: dict[str, list[Result]], column: str
) -> None:
    (result,) = failed(found[f"shifted {column}"])
    assert result["column"] == NOTICES[column]
    assert result["count"] > 0


def test_no_expectation_of_the_suite_is_without_a_test_that_makes_it_fail() -> None:
    assert {e.kwargs["column"] for e in BEYOND.expectations} == set(NOTICES.values())


def test_every_rule_of_the_schema_has_failed(
    found: dict[str, list[Result]], real_params: Params
) -> None:
    rules = {
        (e.kwargs.get("column"), e.type)
        for e in of_snapshot(SCHEMA, real_params.data.window, Beyond())[3:]
    }
    shown = {(one["column"], one["rule"]) for name in CASES for one in failed(found[name])}
    assert rules - shown == set()


def test_a_duplicate_key_is_noticed(found: dict[str, list[Result]]) -> None:
    rule = "expect_compound_columns_to_be_unique"
    result = the(found["duplicate"], ", ".join(SCHEMA.names("key")), rule)
    assert result["count"] == 6


def test_rows_outside_the_window_are_noticed(found: dict[str, list[Result]]) -> None:
    rule = "expect_column_values_to_be_between"
    assert the(found["later"], SCHEMA.time, rule)["count"] == 2


def test_a_missing_column_is_noticed(found: dict[str, list[Result]]) -> None:
    the(found["without"], "(table)", "expect_table_columns_to_match_set")


def test_a_month_of_half_the_rows_is_noticed(found: dict[str, list[Result]]) -> None:
    rule = "expect_column_values_to_be_between"
    assert the(found["thinner"], "row_count_change", rule)["count"] == 1


def test_the_table_of_failures_names_column_rule_rows_and_share(
    found: dict[str, list[Result]],
) -> None:
    head, line = validate.failure_lines(failed(found["distance maximum"]))
    assert head.split() == ["column", "rule", "rows", "share"]
    assert line.split()[:3] == ["distance", "column_values_to_be_between", "1"]


def test_validation_stops_the_line_and_says_why(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / params.paths.snapshot
    frame = pl.read_parquet(path)
    overwrite("humidity", 250.0, 0)(frame).write_parquet(path)
    with pytest.raises(SystemExit) as stopped:
        run("validate", validate.main)
    assert stopped.value.code == 1
    output = capsys.readouterr()
    assert output.err.startswith("validate: 1 of ")
    assert "humidity: expect_column_values_to_be_between, 1 rows" in output.err
    report = json.loads((project / params.paths.validation_report).read_text(encoding="utf-8"))
    assert report["passed"] is False
    assert report["failed"][0]["column"] == "humidity"
    assert set(report["failed"][0]["examples"][0]) == set(schema.names("key"))


def test_an_expression_that_is_no_sql_is_named(rows: pl.DataFrame) -> None:
    wrong = Beyond(derived={"nonsense": "no_such_column + 1"})
    with pytest.raises(validate.StageError, match=r"derived\.nonsense: .*no_such_column"):
        validate.with_derived(rows, wrong)
