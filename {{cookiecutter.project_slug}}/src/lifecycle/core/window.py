"""Periods of time, and the window of them that is read.

A period is a day (2013-05-06), a week by ISO 8601 (2013-W19), a month (2013-05) or a quarter
(2013-Q2): names of one unit sort as time does.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lifecycle.contract.section import Section

# What stands for the window of data that has no time.
ALL = "all rows"
Unit = Literal["day", "week", "month", "quarter"]
FORMS: dict[Unit, str] = {
    "day": "[0-9]{4}-[0-9]{2}-[0-9]{2}", "week": "[0-9]{4}-W[0-9]{2}",
    "month": "[0-9]{4}-(?:0[1-9]|1[0-2])", "quarter": "[0-9]{4}-Q[1-4]",
}  # fmt: skip
# What is typed for one.
TYPED: dict[Unit, str] = {
    "day": "YYYY-MM-DD",
    "week": "YYYY-Www",
    "month": "YYYY-MM",
    "quarter": "YYYY-Qn",
}


def is_period(text: str, unit: Unit) -> bool:
    """Say whether a text names a period of that unit."""
    try:
        return bool(re.fullmatch(FORMS[unit], text) and first_day(text))
    except ValueError:  # as 30 February, and week 53 of most years
        return False


def unit_of(period: str) -> Unit:
    """Return of which unit a period is, by the form of its name."""
    return next(unit for unit, form in FORMS.items() if re.fullmatch(form, period))


def first_day(period: str) -> date:
    """Return the first day of a period."""
    unit, year = unit_of(period), int(period[:4])
    if unit == "week":
        return date.fromisocalendar(year, int(period[6:]), 1)
    if unit == "quarter":
        return date(year, 3 * int(period[6:]) - 2, 1)
    return date.fromisoformat(period if unit == "day" else f"{period}-01")


def period_of(day: date, unit: Unit) -> str:
    """Return the period that a day is of."""
    if unit == "week":
        year, week, _ = day.isocalendar()
        return f"{year:04d}-W{week:02d}"
    if unit == "quarter":
        return f"{day.year:04d}-Q{(day.month + 2) // 3}"
    return day.isoformat() if unit == "day" else day.isoformat()[:7]


def moved_by_months(day: date, by: int) -> date:
    """Return the same day so many months later, or the last one of a month that is too short."""
    year, number = divmod(day.year * 12 + day.month - 1 + by, 12)
    return date(year, number + 1, min(day.day, calendar.monthrange(year, number + 1)[1]))


def shifted(period: str, by: int) -> str:
    """Return the period that comes so many of them later."""
    unit, first = unit_of(period), first_day(period)
    if unit in ("day", "week"):
        return period_of(first + timedelta((7 if unit == "week" else 1) * by), unit)
    return period_of(moved_by_months(first, (3 if unit == "quarter" else 1) * by), unit)


def day_after(period: str) -> date:
    """Return the first day after a period."""
    return first_day(shifted(period, 1))


def spanned(first: str, last: str) -> list[str]:
    """Return every period from the first to the last, both included."""
    found = [first]
    while found[-1] < last:
        found.append(shifted(found[-1], 1))
    return found


def _as_text(value: Any) -> Any:
    """Take a date without quotes, which YAML reads as one."""
    return value.isoformat() if type(value) is date else value


def _is_there(text: str) -> str:
    try:
        day_after(text)
    except ValueError as error:
        raise ValueError(f"{text} is no date: {error}") from None
    return text


Edge = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(pattern=rf"^({FORMS['month']}|{FORMS['day']})$"),
    AfterValidator(_is_there),
]


class Window(Section):
    """The months or days that are read, both included."""

    start: Edge
    end: Edge

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since >= self.until:
            raise ValueError(f"start {self.start} lies after end {self.end}")
        return self

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"

    @classmethod
    def over(cls, first: str, last: str) -> Window:
        """Return the window of the periods from `first` to `last`: by months where they are."""
        if unit_of(first) == unit_of(last) == "month":
            return cls(start=first, end=last)
        end = day_after(last) - timedelta(1)
        return cls(start=first_day(first).isoformat(), end=end.isoformat())

    @property
    def since(self) -> date:
        """The first day of the window."""
        return first_day(self.start)

    @property
    def until(self) -> date:
        """The first day after the window."""
        return day_after(self.end)

    def periods(self, unit: Unit) -> list[str]:
        """Every period that the window has a day of, oldest first."""
        return spanned(period_of(self.since, unit), period_of(self.until - timedelta(1), unit))

    @property
    def months(self) -> list[str]:
        """Every month of the window, oldest first, as YYYY-MM."""
        return self.periods("month")

    def days_of(self, period: str) -> int:
        """Return how many days of a period the window has."""
        first, after = max(self.since, first_day(period)), min(self.until, day_after(period))
        return max(0, (after - first).days)
