"""What schema.yaml says becomes expectations, each of which fails on rows spoilt in its way.

Great Expectations is started once, for all spoilt copies together.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from folders import EXAMPLE

from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.core.command import run
from lifecycle.core.params import Params
from lifecycle.pipeline import validate
from lifecycle.pipeline.suite import (
    Beyond,
    Expectation,
    load_beyond,
    of_key,
    of_periods,
    of_snapshot,
)
from lifecycle.pipeline.withheld import names

SCHEMA = load_schema(EXAMPLE / "schema.yaml")
BEYOND = load_beyond(EXAMPLE / "expectations" / "suite.yaml")
Result = dict[str, Any]
# A frame, what is expected of it, and what identifies a row.
Checked = tuple[pl.DataFrame, Sequence[Expectation], list[str]]


# How a column is spoilt, and the rule that must notice.
RULES = {
    "nulls": "expect_column_values_to_not_be_null",
    "type": "expect_column_values_to_be_of_type",
    "minimum": "expect_column_values_to_be_between",
    "maximum": "expect_column_values_to_be_between",
    "category": "expect_column_values_to_be_in_set",
}
CASES = [
    (kind, column.name)
    for column in SCHEMA.columns
    for kind in RULES
    if (kind in ("nulls", "type"))
    or (kind == "category" and column.categories)
    or (kind == "minimum" and column.minimum is not None)
    or (kind == "maximum" and column.maximum is not None)
]


def spoil(frame: pl.DataFrame, kind: str, column: Column) -> pl.Series:
    """Return the column, spoilt in just more rows than the schema allows."""
    values = frame[column.name]
    if kind == "type":
        other: Any = {"integer": pl.Float64, "boolean": pl.Int64, "float": pl.String}
        return values.cast(other.get(column.type, pl.Int64), strict=False)
    value: Any = {"nulls": None, "category": "never seen"}.get(kind)
    if kind in ("minimum", "maximum"):
        limit = getattr(column, kind)
        value = limit + 1 if kind == "maximum" else limit - 1
    allowed = {"nulls": column.null_share, "category": column.unknown_share}.get(kind, 0)
    count = math.floor(allowed * frame.height) + 1
    bad = pl.Series(values.name, [value] * count).cast(values.dtype)
    return pl.concat([bad, values.slice(count)])


@pytest.fixture(scope="module")
def spoilt(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """A copy of real rows for each kind, with every column that it concerns spoilt."""
    return {
        kind: rows.with_columns(
            spoil(rows, kind, SCHEMA[name]) for one, name in CASES if one == kind
        )
        for kind in RULES
    }


@pytest.fixture(scope="module")
def found(
    rows: pl.DataFrame,
    spoilt: dict[str, pl.DataFrame],
    real_params: Params,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[Result]]:
    """What Great Expectations says of each copy, by its name."""
    suite = of_snapshot(SCHEMA, real_params.data.dates, BEYOND)
    keys, months = SCHEMA.names("key"), of_periods(real_params.validate_)
    frames: dict[str, Checked] = {}
    for kind, frame in spoilt.items():
        about = [e for e in suite[3:] if e.type == RULES[kind] and e not in BEYOND.expectations]
        frames[kind] = (frame, about, keys)
    later = rows.with_columns(pl.col(SCHEMA.clock).dt.offset_by("12mo"))
    last = pl.col(SCHEMA.clock).dt.strftime("%Y-%m") == real_params.data.dates.end
    thinner = pl.concat([rows.filter(~last), rows.filter(last).gather_every(2)])
    others: dict[str, Checked] = {
        "duplicate": (pl.concat([rows, rows.head(3)]), suite[1:2], keys),
        "later": (pl.concat([rows.tail(-2), later.head(2)]), suite[2:3], keys),
        "without": (rows.drop("humidity"), suite[:1], keys),
        "thinner": (validate.periods(thinner, SCHEMA), months, ["month"]),
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


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_spoilt_column_is_named_with_rule_and_count(
    found: dict[str, list[Result]], spoilt: dict[str, pl.DataFrame], kind: str, name: str
) -> None:
    result = the(found[kind], name, RULES[kind])
    values = spoilt[kind][name]
    # Of a type, Great Expectations judges the whole column at once.
    expected = len(values) if kind == "type" else 1
    if kind == "nulls":
        expected = values.null_count()
    elif kind == "category":
        expected = len(values.filter(values.is_in(["never seen"])))
    assert result["count"] == expected
    assert result["share"] == round(result["count"] / len(values), 6)
    if kind != "type":
        assert 1 <= len(result["examples"]) <= 5
        assert list(result["examples"][0]) == SCHEMA.names("key")


def test_every_rule_of_the_schema_has_failed(
    found: dict[str, list[Result]], real_params: Params
) -> None:
    rules = {
        (e.kwargs.get("column"), e.type)
        for e in of_snapshot(SCHEMA, real_params.data.dates, Beyond())[3:]
    }
    shown = {(one["column"], one["rule"]) for kind in RULES for one in failed(found[kind])}
    assert rules - shown == set()


def test_a_duplicate_key_is_noticed(found: dict[str, list[Result]]) -> None:
    rule = "expect_compound_columns_to_be_unique"
    result = the(found["duplicate"], ", ".join(SCHEMA.names("key")), rule)
    assert result["count"] == 6


def test_rows_outside_the_window_are_noticed(found: dict[str, list[Result]]) -> None:
    rule = "expect_column_values_to_be_between"
    assert the(found["later"], SCHEMA.clock, rule)["count"] == 2


def test_a_missing_column_is_noticed(found: dict[str, list[Result]]) -> None:
    the(found["without"], "(table)", "expect_table_columns_to_match_set")


def test_a_month_of_half_the_rows_is_noticed(found: dict[str, list[Result]]) -> None:
    rule = "expect_column_values_to_be_between"
    assert the(found["thinner"], "row_count_change", rule)["count"] == 1


def test_of_private_columns_there_are_counts_and_no_values(
    rows: pl.DataFrame, real_params: Params, tmp_path: Path
) -> None:
    """Broken in every way: outside the limits, outside the categories, duplicate, missing."""
    private = ("destination", "distance", "flight_number", "tail_number")
    columns = [
        column.model_copy(update={"private": "hashed"}) if column.name in private else column
        for column in SCHEMA.columns
    ]
    hidden = Schema(columns=tuple(columns))
    withheld = names(hidden, BEYOND)
    assert {*private, "route_distance_spread", "speed_in_miles_an_hour"} <= withheld
    assert "humidity_off_formula" not in withheld
    spoilt = rows.with_columns(
        destination=pl.lit("QPLANTED"), distance=pl.lit(9123.25),
        flight_number=pl.lit(8273645), tail_number=pl.lit("QPLANTED"), humidity=pl.lit(777.0),
    )  # fmt: skip
    frame = validate.with_derived(pl.concat([spoilt, spoilt.head(3)]), BEYOND)
    greatest = Expectation(
        type="expect_column_max_to_be_between", kwargs={"column": "distance", "max_value": 1}
    )
    suite = [*of_snapshot(hidden, real_params.data.dates, BEYOND), greatest]
    keys = hidden.names("key")
    results = validate.check({"private": (frame, suite, keys)}, tmp_path, 5, withheld)
    said = json.dumps(results) + "".join(
        path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")
    )
    for canary in ("QPLANTED", "9123.25", "8273645"):
        assert canary not in said
    assert the(results, "distance", RULES["maximum"])["count"] == frame.height
    assert the(results, "destination", RULES["category"])["count"] == frame.height
    assert the(results, "humidity", RULES["maximum"])["examples"]
    assert "777" in said


def test_the_table_of_failures_names_column_rule_rows_and_share(
    found: dict[str, list[Result]],
) -> None:
    head, line = validate.failure_lines([the(found["maximum"], "distance", RULES["maximum"])])
    assert head.split() == ["column", "rule", "rows", "share"]
    assert line.split()[:3] == ["distance", "column_values_to_be_between", "1"]


def test_validation_stops_the_line_and_says_why(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / params.paths.snapshot
    frame = pl.read_parquet(path)
    frame.with_columns(spoil(frame, "maximum", schema["humidity"])).write_parquet(path)
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


def test_a_key_of_one_column_names_one_row(tmp_path: Path) -> None:
    frames: dict[str, Checked] = {
        name: (pl.DataFrame({"number": numbers}), [of_key(["number"])], ["number"])
        for name, numbers in (("once", [1, 2, 3]), ("twice", [1, 2, 2]))
    }
    once, twice = validate.check(frames, tmp_path, examples=5)
    assert (once["column"], once["passed"]) == ("number", True)
    assert (twice["column"], twice["passed"], twice["count"]) == ("number", False, 2)


def test_an_expression_that_is_no_sql_is_named(rows: pl.DataFrame) -> None:
    wrong = Beyond(derived={"nonsense": "no_such_column + 1"})
    with pytest.raises(StageError, match=r"derived\.nonsense: .*no_such_column"):
        validate.with_derived(rows, wrong)
