"""Windows, days held out and days of the monitor follow from how the rows lie in time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from lifecycle.adopt import spans


def times(first: str, last: str, count: int) -> pl.Series:
    begin, end = (datetime.fromisoformat(one) for one in (first, last))
    step = (end - begin) / (count - 1)
    return pl.Series([begin + step * number for number in range(count)])


@pytest.mark.parametrize(
    ("first", "last", "count", "unit", "window"),
    [
        ("2013-01-01", "2013-12-31", 5_000, "month", {"start": "2013-01", "end": "2013-12"}),
        ("2013-01-20", "2013-12-05", 5_000, "month", {"start": "2013-02", "end": "2013-11"}),
        ("2013-01-01", "2013-02-20", 5_000, "week", {"start": "2013-01-07", "end": "2013-02-17"}),
        ("2013-01-01", "2013-01-12", 5_000, "day", {"start": "2013-01-01", "end": "2013-01-12"}),
        ("1950-01-01", "2013-12-31", 700, "quarter", {"start": "1950-01", "end": "2013-12"}),
    ],
)  # fmt: skip
def test_windows_are_as_coarse_as_the_rows_are_rare(
    first: str, last: str, count: int, unit: str, window: dict[str, str]
) -> None:
    found = spans.of_times(times(first, last, count), count)
    assert (found.unit, found.window) == (unit, window)


def test_about_a_fifth_is_held_out_in_whole_months() -> None:
    found = spans.of_times(times("2013-01-01", "2013-05-31", 5_000), 5_000)
    assert found.holdout_days == 31
    days = spans.of_times(times("2013-01-01", "2013-01-30", 3_000), 3_000)
    assert days.holdout_days in (5, 6)


def test_rows_that_come_to_the_end_are_held_out_by_rows_and_not_by_days() -> None:
    early, late = times("2012-01-01", "2012-12-31", 100), times("2013-01-01", "2013-12-31", 5_000)
    assert spans.of_times(pl.concat([early, late]), 5_100).holdout_days < 100


def test_a_change_from_month_to_month_is_allowed_where_it_happens() -> None:
    half = pl.concat(
        [times("2013-01-01", "2013-06-30", 6_000), times("2013-07-01", "2013-12-31", 3_000)]
    )
    assert 0.6 < spans.of_times(half, 9_000).change < 1
    assert spans.of_times(times("2013-01-01", "2013-12-31", 9_000), 9_000).change == 0.25


@pytest.mark.parametrize(
    ("rows_a_day", "span", "days"),
    [(1_000, 365, 7), (1_000, 30, 1), (50, 365, 7), (20, 365, 28), (0.5, 9_000, 364)],
)
def test_the_monitor_s_windows_have_rows_enough(rows_a_day: float, span: int, days: int) -> None:
    begin = date(2013, 1, 1)
    found = spans.Span(begin, begin + timedelta(days=span), "month", 30, rows_a_day,
                       spans._window_days(rows_a_day, span), 0.25)  # fmt: skip
    assert found.window_days == days
    assert spans.monitored(found, 10_000)["monitor.minimum_rows"] >= 10
