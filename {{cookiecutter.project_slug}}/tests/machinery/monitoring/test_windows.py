"""Windows of the log: counted back from the newest day that has rows enough around it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from lifecycle.core.params import Params
from lifecycle.monitoring.settings import Monitor
from lifecycle.monitoring.windows import cut

TIME = "scheduled_departure"


@pytest.fixture
def rule(real_params: Params) -> Monitor:
    return real_params.part(Monitor).model_copy(update={"windows": 4, "minimum_rows": 50})


def rows_of(first: date, days: int, each: int = 10) -> pl.DataFrame:
    """So many rows on each of so many days."""
    noon = datetime(first.year, first.month, first.day, 12)
    moments = [noon + timedelta(day) for day in range(days) for _ in range(each)]
    return pl.DataFrame({TIME: moments}, schema={TIME: pl.Datetime("us")})


def test_whole_windows_are_counted_back_from_the_newest_day(rule: Monitor) -> None:
    found, said = cut(rows_of(date(2013, 3, 1), 21), TIME, rule, 7)
    assert [one.name for one in found] == ["2013-03-01", "2013-03-08", "2013-03-15"]
    assert [(one.rows.height, one.whole) for one in found] == [(70, True)] * 3
    assert found[-1].end == date(2013, 3, 22)
    assert said == []


def test_no_more_windows_than_asked_for(rule: Monitor) -> None:
    found, _ = cut(rows_of(date(2013, 1, 1), 60), TIME, rule, 7)
    assert len(found) == 4


def test_the_first_window_of_a_log_is_not_whole(rule: Monitor) -> None:
    alone, said = cut(rows_of(date(2013, 3, 1), 6), TIME, rule, 7)
    assert [(one.whole, one.rows.height) for one in alone] == [(False, 60)]
    assert said == []
    found, said = cut(rows_of(date(2013, 3, 1), 12), TIME, rule, 7)
    assert [(one.name, one.whole) for one in found] == [("2013-03-06", True)]
    assert said == ["the window from 2013-02-27 is not whole: not judged"]


def test_too_few_rows_are_no_window(rule: Monitor) -> None:
    found, said = cut(rows_of(date(2013, 3, 1), 4), TIME, rule, 7)
    assert found == []
    assert said == ["no 7 days have 50 rows (monitor.minimum_rows): the log has 40"]
    assert cut(rows_of(date(2013, 3, 1), 0), TIME, rule, 7)[0] == []


def test_a_week_with_few_rows_between_others_is_left_out(rule: Monitor) -> None:
    parts = [
        rows_of(date(2013, 3, 1), 7),
        rows_of(date(2013, 3, 8), 1),
        rows_of(date(2013, 3, 15), 7),
    ]
    found, said = cut(pl.concat(parts), TIME, rule, 7)
    assert [one.name for one in found] == ["2013-03-01", "2013-03-15"]
    assert said == ["the window from 2013-03-08 has only 10 rows: not judged"]


def test_a_stray_date_is_nobodys_window(rule: Monitor) -> None:
    stray = pl.DataFrame({TIME: [datetime(2099, 1, 1), None]})
    found, said = cut(pl.concat([rows_of(date(2013, 3, 1), 14), stray]), TIME, rule, 7)
    assert found[-1].end == date(2013, 3, 15)
    assert said == ["1 row dated after 2013-03-14: too few to be judged"]


def test_without_time_it_goes_by_when_was_predicted_and_every_window_is_whole(
    rule: Monitor,
) -> None:
    logged = rows_of(date(2013, 3, 1), 9).rename({TIME: "logged_at"})
    found, said = cut(logged, None, rule, 7)
    assert [(one.name, one.rows.height, one.whole) for one in found] == [("2013-03-03", 70, True)]
    assert said == ["the window from 2013-02-24 has only 20 rows: not judged"]
