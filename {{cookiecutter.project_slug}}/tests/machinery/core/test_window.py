"""Periods of four units, and the windows of them: every day is in exactly one of each."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core import moments, window
from lifecycle.core.window import Unit, Window

UNITS: tuple[Unit, ...] = ("day", "week", "month", "quarter")
DAYS = st.dates(date(1970, 1, 1), date(2261, 12, 31))


@given(day=DAYS, unit=st.sampled_from(UNITS), by=st.integers(-40, 40))
def test_a_period_has_its_days_and_no_others(day: date, unit: Unit, by: int) -> None:
    period = window.period_of(day, unit)
    assert window.is_period(period, unit)
    assert window.first_day(period) <= day < window.day_after(period)
    assert window.shifted(window.shifted(period, by), -by) == period
    before = window.shifted(period, -1)
    assert window.day_after(before) == window.first_day(period)
    # Names sort as time does.
    assert before < period


@given(days=st.lists(DAYS, min_size=1, max_size=20), unit=st.sampled_from(UNITS))
def test_a_column_has_the_same_periods(days: list[date], unit: Unit) -> None:
    found = pl.DataFrame({"day": days}).select(moments.named(pl.col("day"), unit))["day"]
    assert found.to_list() == [window.period_of(day, unit) for day in days]


@given(first=DAYS, length=st.integers(1, 400), unit=st.sampled_from(UNITS))
def test_the_days_of_a_window_are_those_of_its_periods(
    first: date, length: int, unit: Unit
) -> None:
    last = first + timedelta(length - 1)
    found = Window(start=first.isoformat(), end=last.isoformat())
    assert (found.since, found.until) == (first, last + timedelta(1))
    assert sum(map(found.days_of, found.periods(unit))) == length


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("2013-13", "month"), ("2013-5", "month"), ("2013-05-06", "month"), ("2013-02-30", "day"),
        ("2013-W53", "week"), ("2013-W00", "week"), ("2013-Q5", "quarter"), ("", "day"),
        ("\N{FULLWIDTH DIGIT TWO}013-05", "month"),
    ],
)  # fmt: skip
def test_what_is_no_period_is_none(text: str, unit: Unit) -> None:
    assert not window.is_period(text, unit)


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        ("2013-01", "2013-05", "2013-01", "2013-05"),
        ("2013-W01", "2013-W02", "2012-12-31", "2013-01-13"),
        ("2013-Q1", "2013-Q2", "2013-01-01", "2013-06-30"),
        ("2013-02-28", "2013-02-28", "2013-02-28", "2013-02-28"),
    ],
)
def test_a_window_of_periods_is_written_as_params_has_it(
    first: str, last: str, start: str, end: str
) -> None:
    found = Window.over(first, last)
    assert (found.start, found.end) == (start, end)


def test_a_date_needs_no_quotes() -> None:
    found = Window.model_validate({"start": date(2013, 1, 5), "end": "2013-02"})
    assert str(found) == "2013-01-05 to 2013-02"
