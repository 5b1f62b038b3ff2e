"""Columns of a frame in the schema's types, by the rule of `values`, with what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from lifecycle.contract import values
from lifecycle.contract.columns import Column
from lifecycle.core import moments

TYPES: dict[str, Any] = {
    "integer": pl.Int64, "float": pl.Float64, "boolean": pl.Boolean,
    "category": pl.String, "string": pl.String, "datetime": pl.Datetime("us"),
}  # fmt: skip
TEXTS = (pl.String, pl.Categorical, pl.Enum)
# Up to which a float of so many bits is surely the integer that it looks like.
EXACT: dict[Any, int] = {pl.Float16: 2**11, pl.Float32: 2**24, pl.Float64: values.LARGEST_INTEGER}
SHOWN_CHARACTERS = 40
# Before the name of a column, until its own can be taken.
VALUE = "_value of "


@dataclass(frozen=True)
class Reading:
    """How a column is read: its value in the schema's type, and the text of what has none."""

    value: pl.Expr
    # Whether a value lies within the limits that hold without any in schema.yaml.
    is_kept: Callable[[pl.Expr], pl.Expr]
    # Null where a file of text writes one; as text, for what is refused.
    raw: pl.Expr
    shown: pl.Expr
    # What is wrong with the whole column, and what to do; empty where single values are.
    fault: str

    def kept(self, value: pl.Expr) -> pl.Expr:
        """Return a column of values without those that lie beyond the limits."""
        return pl.when(self.is_kept(value)).then(value)


def read(column: Column, found: pl.DataType, *, is_text: bool) -> Reading:
    """Return how a column of type `found` is read; `is_text` where a file has no kinds (CSV)."""
    raw = pl.col(column.name)
    if is_text and found == pl.String:
        words = ["", values.NULL_WORD] if values.is_null_word(column) else [""]
        raw = pl.when(~raw.is_in(words)).then(raw)
    made = READERS[column.type](column, raw, found, is_text)
    value = pl.lit(None) if made is None else made
    printable = found.is_numeric() or found in (*TEXTS, pl.Boolean, pl.Date, pl.Datetime)
    shown = pl.col(column.name).cast(pl.String, strict=False) if printable else pl.lit(None)
    fault = _fault(column, found) if made is None else ""
    kept = partial(_kept, column)
    return Reading(value.cast(TYPES[column.type]), kept, raw, shown.fill_null(str(found)), fault)


def apply(frame: pl.LazyFrame, readings: dict[str, Reading]) -> pl.LazyFrame:
    """Return the values of columns, and of each row what is refused and what is missing.

    The structs `_refused` and `_missing` have a field for each column: the text of a value that it
    cannot have, null elsewhere; and whether there is none. Each value is made once, and then asked
    whether it was.
    """
    made = frame.with_columns(
        *(one.value.alias(f"{VALUE}{name}") for name, one in readings.items()),
        _missing=pl.struct(one.raw.is_null().alias(name) for name, one in readings.items()),
    )
    read = {name: pl.col(f"{VALUE}{name}") for name in readings}
    found = made.with_columns(
        one.kept(read[name]).alias(f"{VALUE}{name}") for name, one in readings.items()
    )
    is_missing = pl.col("_missing").struct
    refused = (
        pl.when(read[name].is_null() & ~is_missing.field(name)).then(one.shown).alias(name)
        for name, one in readings.items()
    )
    own = (value.alias(name) for name, value in read.items())
    return found.select(*own, _refused=pl.struct(refused), _missing="_missing")


def complaint(column: Column, reading: Reading, refused: pl.Series) -> str:
    """Return what is wrong with a column's refused values, and what to do; empty without any."""
    texts = refused.drop_nulls()
    return described(column, reading, len(texts), texts[0]) if len(texts) else ""


def described(column: Column, reading: Reading, count: int, first: str) -> str:
    """Return what is wrong with so many values of a column, of which one is shown."""
    example = "" if column.private else f", as {first[:SHOWN_CHARACTERS]!r}"
    how = reading.fault or values.how(column)
    return f"{column.name}: {count} values are no {column.type}{example} ({how})"


def _fault(column: Column, found: pl.DataType) -> str:
    if column.type == "datetime" and isinstance(found, pl.Datetime):
        return "it has a zone: name the column's zone in schema.yaml, or give local time"
    if column.type == "datetime" and found.is_numeric():
        return "the column has numbers: name their epoch in schema.yaml, as `epoch: seconds`"
    if found == pl.String:
        return f"the column is text: give it as {column.type}, or have it read as text, from CSV"
    return f"the column is of type {found}: {values.how(column)}"


def universal(text: pl.Expr) -> pl.Expr:
    """Return the moments of texts that name their zone, in UTC; null for others."""
    return moments.parsed(text)[1]


def _number(column: Column, raw: pl.Expr, found: pl.DataType, *, is_text: bool) -> pl.Expr | None:
    """Return a number's text where text is read as one, or the number itself; None for no number.

    Decimals go by their text, whose digits no cast has rounded.
    """
    if found.is_decimal():
        raw, found = raw.cast(pl.String), pl.String()
    elif found == pl.String and not is_text:
        return None
    if found == pl.String:
        return pl.when(raw.str.contains(values.NUMBER)).then(raw)
    return raw if found.is_integer() or found.is_float() else None


def _kept(column: Column, value: pl.Expr) -> pl.Expr:
    """Say which values lie within the limits that hold where schema.yaml gives none."""
    if column.type == "datetime":
        return value.dt.year().is_between(*values.years(column))
    kept = value.is_finite() if column.type == "float" else pl.lit(value=True)
    if column.type in ("integer", "float"):
        low, high = values.bounds(column)
        if column.minimum is None and low > float("-inf"):
            kept &= value >= low
        if column.maximum is None and high < float("inf"):
            kept &= value <= high
    return kept


def _integer(column: Column, raw: pl.Expr, found: pl.DataType, is_text: bool) -> pl.Expr | None:
    number = _number(column, raw, found, is_text=is_text)
    if number is None or found.is_integer():
        exact = number
    elif found.is_float():
        exact = _whole(number, EXACT[found.base_type()])
    else:
        digits = pl.when(number.str.contains(values.DIGITS)).then(number)
        rounded = _whole(number.cast(pl.Float64, strict=False), values.LARGEST_INTEGER)
        exact = pl.coalesce(digits.cast(pl.Int64, strict=False), rounded)
    return None if exact is None else exact.cast(pl.Int64, strict=False)


def _whole(number: pl.Expr, limit: int) -> pl.Expr:
    """Return floats without a fraction as integers, and null for the others."""
    value = number.cast(pl.Float64)
    is_whole = (value.abs() < limit) & (value == value.floor())
    return pl.when(is_whole).then(value).cast(pl.Int64, strict=False)


def _float(column: Column, raw: pl.Expr, found: pl.DataType, is_text: bool) -> pl.Expr | None:
    number = _number(column, raw, found, is_text=is_text)
    return None if number is None else number.cast(pl.Float64, strict=False)


def _boolean(column: Column, raw: pl.Expr, found: pl.DataType, is_text: bool) -> pl.Expr | None:
    if found == pl.Boolean:
        return raw
    number = _number(column, raw, found, is_text=is_text)
    if number is None:
        return None
    value = number.cast(pl.Float64, strict=False)
    flag = pl.when(value == 1).then(statement=True).when(value == 0).then(statement=False)
    if found != pl.String:
        return flag
    words = pl.when(raw.is_in(values.TRUE)).then(statement=True)
    return pl.coalesce(words.when(raw.is_in(values.FALSE)).then(statement=False), flag)


def _string(column: Column, raw: pl.Expr, found: pl.DataType, is_text: bool) -> pl.Expr | None:
    if found not in TEXTS:
        return None
    value = raw.cast(pl.String)
    refused = value.is_in(["", values.NULL_WORD] if values.is_null_word(column) else [""])
    if column.is_asked and not (column.categories and column.unknown_share == 0):
        refused |= value.str.len_chars() > values.LONGEST_TEXT
    return pl.when(~refused).then(value)


def _datetime(column: Column, raw: pl.Expr, found: pl.DataType, is_text: bool) -> pl.Expr | None:
    naive: pl.Expr | None = None
    zoned: pl.Expr | None = None
    if found in TEXTS:
        naive, zoned = moments.parsed(raw.cast(pl.String))
    elif found == pl.Date:
        naive = raw.cast(pl.Datetime("us"))
    elif isinstance(found, pl.Datetime):
        exact = raw
        if found.time_unit == "ns":
            exact = pl.when(raw.dt.nanosecond() % 1000 == 0).then(raw)
        exact = exact.dt.cast_time_unit("us")
        naive, zoned = (None, exact) if found.time_zone else (exact, None)
    if column.epoch and (number := _integer(column, raw, found, is_text)) is not None:
        counted = moments.since_1970(column, number)
        if column.zone is None:
            naive = counted if naive is None else pl.coalesce(counted, naive)
        else:
            counted = counted.dt.replace_time_zone("UTC")
            zoned = counted if zoned is None else pl.coalesce(counted, zoned)
    return moments.in_zone(column, naive, zoned) if column.zone else naive


READERS = {
    "integer": _integer, "float": _float, "boolean": _boolean,
    "category": _string, "string": _string, "datetime": _datetime,
}  # fmt: skip
