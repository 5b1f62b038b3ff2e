"""What served data must hold: the schema, the expectations, a clock that goes on, few refusals."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params
from lifecycle.monitoring import invariants
from lifecycle.monitoring.settings import Monitor
from lifecycle.pipeline.suite import Beyond


@pytest.fixture
def week(snapshot: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """The last whole week of real rows, as requests."""
    last = snapshot[schema.clock].max()
    assert last is not None
    recent = pl.col(schema.clock) > last - timedelta(days=7)  # type: ignore[operator]
    return snapshot.filter(recent).select(schema.request)


def broken(
    rows: pl.DataFrame, schema: Schema, beyond: Beyond, params: Params
) -> dict[str, dict[str, object]]:
    found = invariants.check(rows, schema, beyond, params.part(Monitor).invariants)
    return {str(one["column"]): one for one in found}


def test_a_real_week_breaks_nothing(
    week: pl.DataFrame, schema: Schema, beyond: Beyond, real_params: Params
) -> None:
    assert broken(week, schema, beyond, real_params) == {}


@pytest.mark.parametrize(
    ("fault", "column", "share"),
    [
        (pl.lit(None, pl.Float64).alias("temperature"), "temperature", 0.99),
        (pl.col("destination").replace("LAX", "KLAX"), "destination", 0.03),
        (((pl.col("temperature") - 32) / 1.8).alias("temperature"),
         "dewpoint_above_temperature", 0.9),
        (pl.col("distance").shuffle(1), "route_distance_spread", 0.5),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(
    fault: pl.Expr, column: str, share: float, week: pl.DataFrame, schema: Schema, beyond: Beyond,
    real_params: Params,
) -> None:  # fmt: skip
    found = invariants.check(
        week.with_columns(fault), schema, beyond, real_params.part(Monitor).invariants
    )
    alerts = {one.subject: one for one in invariants.alerts(found, schema, "2013-05-25")}
    assert column in alerts
    assert alerts[column].kind == "invariant"
    named = {str(one["column"]): one for one in found}
    assert float(named[column]["share"]) > share
    if column == "dewpoint_above_temperature":
        assert "(dewpoint, temperature)" in alerts[column].message


def test_what_is_known_only_afterwards_is_not_asked_for(schema: Schema, beyond: Beyond) -> None:
    columns, known = invariants.observable(schema, beyond)
    assert set(columns) == set(schema.request)
    assert {"hour_temperature_spread", "humidity_off_formula"} <= set(known.derived)
    assert not {"speed_in_miles_an_hour", "late_by_delay", "same_airline"} & set(known.derived)


@pytest.mark.parametrize(
    ("mostly", "expected"), [(1.0, 1.0), (0.98, 0.9608), (0.5, 1 / 3), (0.05, 0.0256), (0.0, 0.0)]
)
def test_twice_the_odds_of_what_may_not_hold(mostly: float, expected: float) -> None:
    assert invariants.relaxed(mostly, 2.0) == pytest.approx(expected, abs=1e-4)


def test_a_clock_that_stands_still_for_a_day(
    week: pl.DataFrame, snapshot: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    """Whole days are healthy, one by one or together; one that has a single time is not."""
    rule, time = real_params.part(Monitor).invariants, schema.clock
    reference = snapshot.gather_every(7)

    def stuck(rows: pl.DataFrame) -> list[str]:
        found = invariants.stuck_clock(reference, rows, time, 7, rule)
        return [one.subject for one in found]

    assert stuck(week) == []
    day = pl.col(time).dt.date() == pl.col(time).dt.date().max()
    assert stuck(week.filter(day)) == []
    standing = week.with_columns(pl.when(day).then(pl.col(time).max()).otherwise(time).alias(time))
    assert stuck(standing) == [time]
    assert stuck(standing.filter(day)) == [time]


def test_refusals_are_judged_by_the_field_that_caused_them(real_params: Params) -> None:
    rule = real_params.part(Monitor).invariants

    def refused(count: int, answered: int) -> list[str]:
        fields = [["records.0.origin", "records.1.origin"]] * count
        frame = pl.DataFrame({"fields": fields}, schema={"fields": pl.List(pl.String)})
        found, alerts = invariants.refusals(answered, frame, rule)
        assert found["refused"] == count
        return [f"{one.kind}: {one.subject}" for one in alerts]

    assert refused(100, 900) == ["refusals: origin"]
    assert refused(5, 995) == []
    # What somebody tries out by hand is no sign; a client that gets nothing but refusals is.
    assert refused(9, 1) == []
    assert refused(10, 0) == ["refusals: origin"]
    assert refused(0, 0) == []
