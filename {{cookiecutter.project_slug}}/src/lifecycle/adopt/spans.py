"""The time that the rows cover: which windows are read, held out and watched."""

from __future__ import annotations

import calendar
import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

HELD_OUT = 0.2
# Days of a window of the monitor, the shortest that has rows enough.
WINDOWS, ROWS_A_WINDOW = (1, 7, 14, 28, 91, 182, 364), 300
# Days of the week differ: where there are so many days, a window has all of them.
MANY_DAYS = 60
# The unit is the finest of which there are so many.
UNITS, LEAST_UNITS = (("quarter", 91, 40), ("month", 30, 3), ("week", 7, 3), ("day", 1, 1)), 3
WHOLE = 0.9


@dataclass(frozen=True)
class Span:
    """What the rows' times say; `change` is the largest from one unit to the next, as a share."""

    start: date
    end: date
    unit: str
    holdout_days: int
    rows_a_day: float
    window_days: int
    change: float

    @property
    def window(self) -> dict[str, str]:
        """The section `data.window`: months, or dates where windows are of days or weeks."""
        if self.unit in ("month", "quarter"):
            return {"start": f"{self.start:%Y-%m}", "end": f"{self.end:%Y-%m}"}
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}

    @property
    def rows_a_window(self) -> int:
        """How many rows a window of the monitor has on average."""
        return max(1, int(self.rows_a_day * self.window_days))


def of_times(times: pl.Series, rows: int) -> Span:
    """Return the span of `rows` rows, of which these are the times of a part, evenly drawn."""
    known = times.drop_nulls().sort()
    first, last = known.min(), known.max()
    assert isinstance(first, datetime) and isinstance(last, datetime)
    begin, until = first.date(), last.date()
    days = (until - begin).days + 1
    unit = _unit(days, rows)
    if unit == "month" and _change(_inside(known, *_whole(unit, begin, until)), unit) > 1:
        # What is judged of a window against the one before is a share of it.
        coarser = _inside(known, *_whole("quarter", begin, until))
        unit = "quarter" if _change(coarser, "quarter") <= 1 else unit
    begin, until = _whole(unit, begin, until)
    known = _inside(known, begin, until)
    span = (until - begin).days + 1
    return Span(
        begin, until, unit, _holdout(known, begin, until, unit), rows / days,
        _window_days(rows / days, span), _change(known, unit),
    )  # fmt: skip


def _unit(days: int, rows: int) -> str:
    if days > 20 * 365 and rows / (days / 30) < 10:
        return "quarter"
    for name, length in (("month", 30), ("week", 7)):
        if days / length >= LEAST_UNITS:
            return name
    return "day"


def _inside(known: pl.Series, begin: date, until: date) -> pl.Series:
    inside = known.filter(known.dt.date().is_between(begin, until))
    # Of a source that has part of its first month alone nothing would be left.
    return inside if inside.len() > 0.5 * known.len() else known


def _whole(unit: str, begin: date, until: date) -> tuple[date, date]:
    """Leave out what is less than a whole window at either end."""
    if unit == "day":
        return begin, until
    return _whole_weeks(begin, until) if unit == "week" else _whole_months(begin, until)


def _whole_weeks(begin: date, until: date) -> tuple[date, date]:
    """Leave out what lies before the first Monday and after the last Sunday, of some weeks."""
    if (until - begin).days < 4 * 7:
        return begin, until
    return begin + timedelta(days=-begin.weekday() % 7), until - timedelta(
        days=(until.weekday() + 1) % 7
    )


def _whole_months(begin: date, until: date) -> tuple[date, date]:
    """Leave out the first and the last month where rows begin late or end early in them."""
    last = calendar.monthrange(until.year, until.month)[1]
    first = begin.replace(day=1)
    if begin.day > (1 - WHOLE) * 31 + 1 and (until - begin).days > 120:
        first = (first + timedelta(days=32)).replace(day=1)
    end = until.replace(day=last)
    if until.day < WHOLE * last and (until - begin).days > 120:
        end = until.replace(day=1) - timedelta(days=1)
    return first, end


def _holdout(known: pl.Series, begin: date, until: date, unit: str) -> int:
    """Return the newest days that have about a fifth of the rows: whole months, if that can be."""
    cut: datetime = known[min(known.len() - 1, int(known.len() * (1 - HELD_OUT)))]
    days = max(1, (until - cut.date()).days + 1)
    if unit in ("month", "quarter"):
        month = cut.date().replace(day=1)
        whole = (until - month).days + 1
        if whole < 0.4 * ((until - begin).days + 1):
            days = whole
    return min(days, max(1, (until - begin).days))


def _window_days(rows_a_day: float, span: int) -> int:
    for days in WINDOWS[1 if span >= MANY_DAYS else 0 :]:
        if rows_a_day * days >= ROWS_A_WINDOW or days * 4 > span:
            return days
    return WINDOWS[-1]


def _change(known: pl.Series, unit: str) -> float:
    """Return the largest change of rows a day from a unit to the next, with half as much again."""
    every = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q"}[unit]
    counted = (
        known.alias("time").to_frame().sort("time")
        .group_by_dynamic("time", every=every).agg(pl.len())
    )  # fmt: skip
    if counted.height < 2:
        return 0.5
    rate = counted["len"].cast(pl.Float64)
    worst = float((rate / rate.shift(1) - 1).abs().max() or 0.0)  # type: ignore[arg-type]
    return max(0.25, math.ceil(1.5 * worst * 20) / 20)


def monitored(span: Span | None, rows: int) -> dict[str, Any]:
    """Return the parameters of windows: how long, and from how many rows on one is judged."""
    if span is None:
        few = max(20, min(1_000, rows // 20))
        return {"monitor.minimum_rows": few, "evaluate.minimum_window_labels": min(300, few)}
    window = span.rows_a_window
    return {
        "evaluate.window_days": span.window_days,
        "evaluate.minimum_window_labels": max(10, min(300, window // 3)),
        "monitor.minimum_rows": max(10, min(1_000, window // 3)),
    }
