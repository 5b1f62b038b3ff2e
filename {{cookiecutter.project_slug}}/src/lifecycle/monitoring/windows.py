"""Windows of the prediction log, by the schema's time column and counted back from the newest rows.

So every window but the first of a log is whole, whichever day it is judged on. Data without time
goes by when it was predicted, in UTC; it has no weekday or season that part of a window would lack.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from lifecycle.monitoring.settings import Monitor

DAY = "_day"
PREDICTED = "logged_at"


@dataclass(frozen=True)
class Window:
    """The rows of `days` days; whole unless the log begins within it."""

    start: date
    end: date
    rows: pl.DataFrame
    whole: bool

    @property
    def name(self) -> str:
        """The day on which it begins."""
        return self.start.isoformat()


def _last_day(counts: dict[date, int], days: int, minimum_rows: int) -> date | None:
    """Return the newest day whose window has rows enough: a stray date is nobody's window."""
    for day in sorted(counts, reverse=True):
        window = (day - timedelta(back) for back in range(days))
        if sum(counts.get(one, 0) for one in window) >= minimum_rows:
            return day
    return None


def cut(
    rows: pl.DataFrame, time: str | None, rule: Monitor, days: int
) -> tuple[list[Window], list[str]]:
    """Return the last windows of `days` that can be judged, oldest first; what not, and why."""
    dated = rows.with_columns(pl.col(time or PREDICTED).dt.date().alias(DAY)).filter(
        pl.col(DAY).is_not_null()
    )
    counts: dict[date, int] = dict(dated.group_by(DAY).len().iter_rows())
    last = _last_day(counts, days, rule.minimum_rows)
    if last is None:
        return [], [
            f"no {days} days have {rule.minimum_rows} rows (monitor.minimum_rows): "
            f"the log has {rows.height}"
        ]
    first, found, said = min(counts), [], []
    for back in range(rule.windows):
        end = last + timedelta(1 - back * days)
        start = end - timedelta(days)
        part = dated.filter(pl.col(DAY).is_between(start, end, closed="left")).drop(DAY)
        whole = time is None or first <= start
        if part.height >= rule.minimum_rows and (whole or back == 0):
            found.append(Window(start, end, part, whole))
        elif part.height:
            reason = "is not whole" if not whole else f"has only {part.height} rows"
            said.append(f"the window from {start} {reason}: not judged")
    ahead = sum(count for day, count in counts.items() if day > last)
    if ahead:
        rows_ahead = "1 row" if ahead == 1 else f"{ahead} rows"
        said.append(f"{rows_ahead} dated after {last}: too few to be judged")
    return found[::-1], said
