"""Times of the example's flights: the hour that their weather is of, and times of day as hhmm.

What is none is refused by name: not left without weather, and not made another time.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lifecycle.command import StageError
from lifecycle.reading import universal
from lifecycle.values import NULL_WORD

HOUR = ["origin", "_hour"]
# Of flights that have the weather of their hour: fewer are a mistake, and not a gap.
NEARLY_NONE = 0.05
HHMM = "^(?:[01][0-9]|2[0-3])[0-5][0-9]$"
HHMM_OR_2400 = f"{HHMM}|^2400$"


def typed_hour(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Let the hour be a moment: one and the same may be written in several ways."""
    return rows.with_columns(_hour=universal(pl.col("time_hour")))


def hours(rows: pl.LazyFrame, path: Path) -> pl.DataFrame:
    """Return how many rows an hour has at an origin.

    Raises:
        StageError: an hour is no moment that names its zone; such a row would find no weather.
    """
    found = typed_hour(rows.group_by("origin", "time_hour").len()).collect(engine="streaming")
    hour = found["time_hour"]
    is_refused = hour.is_not_null() & (hour != NULL_WORD) & found["_hour"].is_null()
    wrong = found.filter(is_refused).sort("time_hour")
    if not wrong.is_empty():
        raise StageError(
            f"{path}: time_hour: {wrong['len'].sum()} values are no moment with a zone, as "
            f"{wrong['time_hour'][0]!r} (write 2013-05-31T21:00:00Z)"
        )
    return found.drop_nulls().group_by(HOUR).agg(pl.col("len").sum())


def check_weather(flights: pl.DataFrame, weather: pl.DataFrame, path: Path) -> None:
    """Let each flight have the weather of one hour, and most flights have it.

    Raises:
        StageError: hours stand twice, or nearly none is that of a flight.
    """
    twice = weather.filter(pl.col("len") > 1).sort(HOUR)
    if not twice.is_empty():
        origin, hour = twice.select(HOUR).row(0)
        raise StageError(f"{path}: {twice.height} hours of an origin stand there twice, as "
                         f"{origin} {hour:%Y-%m-%dT%H:%M:%SZ}: leave one of each")  # fmt: skip
    every, found = (
        int(frame["len"].sum()) for frame in (flights, flights.join(weather, on=HOUR, how="semi"))
    )
    if found < NEARLY_NONE * every:
        raise StageError(f"{path}: of {every} flights {found} have the weather of their hour: do "
                         "origin and time_hour mean the same as in the flights?")  # fmt: skip


def hhmm(name: str, pattern: str) -> pl.Expr:
    """Return the four digits of a time of day ("515" is 0515), and null for what is none."""
    digits = pl.col(name).str.strip_suffix(".0").str.zfill(4)
    return pl.when(digits.str.contains(pattern)).then(digits)


def or_refused(made: pl.Expr, name: str, what: str) -> pl.Expr:
    """Where nothing was made of a value, leave its text for ingest to refuse: never a number."""
    raw = pl.col(name)
    kept = pl.when(raw == NULL_WORD).then(raw).otherwise(pl.format("{} is no " + what, raw))
    return pl.coalesce(made.cast(pl.String), kept)
