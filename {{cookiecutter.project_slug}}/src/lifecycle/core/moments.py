"""Moments of a column: of texts, of numbers since 1970, in the local time of a zone, by period."""

from __future__ import annotations

import polars as pl

from lifecycle.contract import values
from lifecycle.contract.columns import Column
from lifecycle.core.window import Unit

# What strftime makes of the periods that it can name.
FORMATS: dict[Unit, str] = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}


def named(time: pl.Expr, unit: Unit) -> pl.Expr:
    """Return the period that each moment is of."""
    if unit == "quarter":
        return pl.concat_str(time.dt.strftime("%Y-Q"), time.dt.quarter().cast(pl.String))
    return time.dt.strftime(FORMATS[unit])


def since_1970(column: Column, number: pl.Expr) -> pl.Expr:
    """Return the moments that lie so many units behind the beginning of 1970, in UTC."""
    low, high = values.epochs(column)
    kept = pl.when(number.is_between(low, high)).then(number)
    unit = values.MICROSECONDS[column.epoch]  # type: ignore[index]
    return (kept * unit).cast(pl.Datetime("us"))


def in_zone(column: Column, naive: pl.Expr | None, zoned: pl.Expr | None) -> pl.Expr | None:
    """Return local times of the column's zone; those that its clocks leave out are null."""
    found: list[pl.Expr] = []
    if naive is not None:
        exists = naive.dt.replace_time_zone(
            column.zone, ambiguous="earliest", non_existent="null"
        ).is_not_null()
        found.append(pl.when(exists).then(naive))
    if zoned is not None:
        found.append(zoned.dt.convert_time_zone(str(column.zone)).dt.replace_time_zone(None))
    return pl.coalesce(found) if found else None


def parsed(text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return the moments that have no zone, and those that have one, in UTC; null for others.

    What the pattern admits has its parts at fixed places, which is quicker than to extract them.
    """
    moment = pl.when(text.str.contains(values.MOMENT)).then(text)
    rest = moment.str.slice(16)
    zone = rest.str.extract("([Z+-].*)$")
    clock = (
        pl.when(moment.str.len_bytes() > 10)
        .then(moment.str.slice(11, 5))
        .otherwise(pl.lit("00:00"))
    )
    second = rest.str.extract("^(:[0-9.]+)").fill_null(":00")
    plain = pl.concat_str(moment.str.slice(0, 10), pl.lit(" "), clock, second).str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False
    )
    minutes = zone.str.slice(3).str.strip_prefix(":").cast(pl.Int64, strict=False).fill_null(0)
    ahead = zone.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0) * 60 + minutes
    ahead = pl.when(zone.str.starts_with("-")).then(-ahead).otherwise(ahead)
    zoned = (plain - pl.duration(minutes=ahead)).dt.replace_time_zone("UTC")
    has_zone = zone.is_not_null()
    return pl.when(~has_zone).then(plain), pl.when(has_zone).then(zoned)
