"""Whole blocks of days: what neighbours in time are drawn and compared by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

MOST_BLOCKS = 60


def blocks(
    reference: pl.DataFrame, time: str, days: int, step: int | None = None
) -> list[pl.DataFrame]:
    """Return whole blocks of so many days of the reference, the last day among them.

    One begins every `step` days; without it on every day, or on every so many days where there
    would be more than MOST_BLOCKS: a window of the log begins on any day of the week.
    """
    day = reference[time].dt.date()
    first: Any = day.min()
    last: Any = day.max()
    latest = (last - first + timedelta(1 - days)).days
    if latest < 0:
        return []
    starts = range(latest, -1, -(step or latest // MOST_BLOCKS + 1))
    found = []
    for start in reversed(starts):
        begin = first + timedelta(start)
        found.append(reference.filter(day.is_between(begin, begin + timedelta(days - 1))))
    return found
