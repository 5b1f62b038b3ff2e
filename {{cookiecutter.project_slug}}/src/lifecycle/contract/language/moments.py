"""What can be asked of datetimes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lifecycle.contract.language.function import Array, Function, gives, narwhals
from lifecycle.contract.language.graph import DATETIME, INTEGER

MINUTE, DAY = 60_000_000, 86_400_000_000
# Arrays of one, which NumPy takes three times as fast as numbers.
MINUTES, HOURS, DAYS = (np.array([ticks]) for ticks in (MINUTE, 60 * MINUTE, DAY))
IN_HOUR, IN_DAY, IN_WEEK, ONE, THURSDAY = (np.array([n]) for n in (60, 24, 7, 1, 3))
LATEST_YEAR, MOST_MINUTES = 9999, 9999 * 366 * 1440


def _of_known(moment: Array, values: Array) -> Array:
    """Return what was asked of datetimes, NaN of NaT: to NumPy that is an integer."""
    missing = np.isnat(moment)
    return np.where(missing, np.nan, values) if np.count_nonzero(missing) else values


def _calendar(moment: Array, unit: str) -> Array:
    """Return how many years, months or days it is since 1970 began."""
    return moment.astype(f"datetime64[{unit}]").astype(np.int64)


def _day_of(moment: Array, unit: str) -> Array:
    """Return the day of its month or year, from 1."""
    first = moment.astype(f"datetime64[{unit}]").astype("datetime64[D]").astype(np.int64)
    return _of_known(moment, _calendar(moment, "D") - first + 1)


def _asked(says: str, bound: float, name: str, array: Callable[[Array], Array]) -> Function:
    def frame(moment: Any) -> Any:
        return getattr(moment.dt, name)().cast(narwhals().Float64)

    return Function(says, {"moment": DATETIME}, gives(INTEGER, bound), frame, array)


def _between(says: str, unit: int) -> Function:
    """Count whole units between two datetimes: one that is not full does not count."""

    def frame(begin: Any, end: Any) -> Any:
        passed = end.dt.timestamp("us") - begin.dt.timestamp("us")
        whole = narwhals().when(passed >= 0).then(passed // unit)
        return whole.otherwise(-((-passed) // unit)).cast(narwhals().Float64)

    def array(begin: Array, end: Array) -> Array:
        passed = end.view(np.int64) - begin.view(np.int64)
        whole = np.where(passed >= 0, passed // unit, -(-passed // unit))
        return np.where(np.isnat(begin) | np.isnat(end), np.nan, whole)

    takes = {"begin": DATETIME, "end": DATETIME}
    return Function(says, takes, gives(INTEGER, MOST_MINUTES), frame, array)


FUNCTIONS = {
    "year": _asked("the year", LATEST_YEAR, "year",
                   lambda moment: _of_known(moment, _calendar(moment, "Y") + 1970)),
    "month": _asked("the month, 1 to 12", 12, "month",
                    lambda moment: _of_known(moment, _calendar(moment, "M") % 12 + 1)),
    "day": _asked("the day of the month, 1 to 31", 31, "day",
                  lambda moment: _day_of(moment, "M")),
    "day_of_year": _asked("the day of the year, 1 to 366", 366, "ordinal_day",
                          lambda moment: _day_of(moment, "Y")),
    # 1970-01-01, day 0, was a Thursday.
    "weekday": _asked("the day of the week, Monday 1 to Sunday 7", 7, "weekday",
                      lambda moment: _of_known(
                          moment, (moment.view(np.int64) // DAYS + THURSDAY) % IN_WEEK + ONE)),
    "hour": _asked("the hour, 0 to 23", 23, "hour",
                   lambda moment: _of_known(moment, moment.view(np.int64) // HOURS % IN_DAY)),
    "minute": _asked("the minute, 0 to 59", 59, "minute",
                     lambda moment: _of_known(moment, moment.view(np.int64) // MINUTES % IN_HOUR)),
    "days_between": _between(
        "whole days from the first datetime to the second, negative where that is earlier", DAY),
    "minutes_between": _between("whole minutes, in the same way", MINUTE),
}  # fmt: skip
