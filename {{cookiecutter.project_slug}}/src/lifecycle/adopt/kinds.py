"""What kind of values a column of text has: by shapes that are counted, not by its first rows.

The shapes are those by which ingest reads (contract/values): what is called an integer here is read
as one there. Others are known as well, so that it can be said why a column is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from lifecycle.contract import values

DATES = {
    "YYYY/MM/DD": r"^[12][0-9]{3}/[01]?[0-9]/[0-3]?[0-9](?:[ T].*)?$",
    "YYYYMMDD": r"^(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$",
    "DD.MM.YYYY": r"^[0-3]?[0-9]\.[01]?[0-9]\.(?:[12][0-9])?[0-9]{2}(?:[ T].*)?$",
    "DD/MM/YYYY or MM/DD/YYYY": r"^[0-3]?[0-9]/[0-3]?[0-9]/(?:[12][0-9])?[0-9]{2}(?:[ T].*)?$",
    "DD-MM-YYYY": r"^[0-3]?[0-9]-[01]?[0-9]-[12][0-9]{3}(?:[ T].*)?$",
    "Mon DD YYYY": r"^(?:[A-Z][a-z]+,? )?[A-Z][a-z]{2,8}\.? [0-3]?[0-9],? [12][0-9]{3}(?: .*)?$",
    "DD Mon YYYY": r"^[0-3]?[0-9][ -][A-Z][a-z]{2,8}[ -,]*(?:[12][0-9])?[0-9]{2}(?: .*)?$",
}
SHAPES = {
    "word": f"^(?:{'|'.join((*values.TRUE, *values.FALSE))})$",
    # As libraries write yes and no that have once been floats.
    "bit": r"^[01](?:\.0+)?$",
    "digits": values.DIGITS,
    "whole": r"^-?(?:0|[1-9][0-9]{0,14})\.0+$",
    "number": values.NUMBER,
    "moment": values.MOMENT,
    "zoned": rf"^{values.DAY}[T ].*(?:{values.ZONE})$",
    "comma": r"^-?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+),[0-9]+$",
    "padded": "^0[0-9]+$",
    "infinite": r"^[+-]?(?i:inf|infinity)$",
    # Years in which no prediction is made, and those in which libraries differ about zones.
    "odd year": r"^(?:0[0-9]{3}|1[0-8][0-9]{2}|19[0-6][0-9]|226[2-9]|22[7-9][0-9]|2[3-9][0-9]{2}"
    r"|[3-9][0-9]{3})-",
    "far year": r"^2(?:1[0-9]|2[0-6])[0-9]-",
    **DATES,
}
# So much of a column may be of another kind before it is called mixed instead of text.
MIXED = 0.9


@dataclass(frozen=True)
class Kind:
    """The type of a column in schema.yaml, and what is to be said of it."""

    # Empty where no schema can have such a column.
    type: str
    said: str = ""
    is_zoned: bool = False
    # Whether the model cannot hold its values, nor a request.
    is_beyond: bool = False


def shapes(text: pl.Series, weight: pl.Series) -> dict[str, int]:
    """Return how many rows of some distinct values, with how often each comes, have each shape."""
    frame = pl.DataFrame({"text": text, "weight": weight})
    found = frame.select(
        *(
            pl.col("weight").filter(pl.col("text").str.contains(pattern)).sum().alias(name)
            for name, pattern in SHAPES.items()
        ),
        huge=pl.col("weight")
        .filter(
            pl.col("text").str.contains(values.DIGITS)
            & (pl.col("text").str.strip_prefix("-").str.len_bytes() > 15)
            & (pl.col("text").cast(pl.Float64, strict=False).abs() > values.LARGEST_INTEGER)
        )
        .sum(),
    )
    return {name: int(count or 0) for name, count in found.row(0, named=True).items()}


def of_text(count: Mapping[str, int], rows: int) -> Kind:
    """Return the kind of a column of text by its shapes, of which `rows` rows have a value."""
    if rows == 0:
        return Kind("string", "it is empty: it has no value in any row")
    numbers = count["number"]
    if count["word"] == rows or count["bit"] == rows:
        return Kind("boolean")
    if count["huge"]:
        return Kind("string", f"{count['huge']} whole numbers are beyond 2^53, where a float loses "
                              "digits: kept as text")  # fmt: skip
    if count["digits"] + count["whole"] == rows:
        return Kind("integer", _dates_of_digits(count, rows))
    if numbers == rows:
        return Kind("float")
    if count["moment"] == rows:
        return moments(count, rows, is_zoned=count["zoned"] > 0)
    return Kind("string", _why_text(count, rows))


def moments(count: Mapping[str, int], rows: int, *, is_zoned: bool) -> Kind:
    """Return the kind of a column of moments."""
    odd = count["odd year"] + (count["far year"] if is_zoned else 0)
    if not odd:
        return Kind("datetime", _zones(count, rows) if is_zoned else "", is_zoned)
    last = values.LAST_YEAR_OF_ZONES if is_zoned else values.LAST_YEAR
    said = (f"{odd} moments lie before {values.FIRST_YEAR} or after {last}, where nothing is "
            "predicted: give null if that means none")  # fmt: skip
    # As text it is read where it would be refused in its zone.
    return Kind("string" if is_zoned else "datetime", said, is_beyond=True)


def _dates_of_digits(count: Mapping[str, int], rows: int) -> str:
    if count["YYYYMMDD"] == rows:
        return "its numbers look like dates (YYYYMMDD): write them as YYYY-MM-DD to have a datetime"
    return ""


def _zones(count: Mapping[str, int], rows: int) -> str:
    if 0 < count["zoned"] < rows:
        return (
            f"{count['zoned']} of {rows} moments name a zone and the others none: those are "
            "read as UTC"
        )
    return ""


def _why_text(count: Mapping[str, int], rows: int) -> str:
    """Say what a column of text probably was meant to be."""
    dates = {name: count[name] for name in DATES if count[name]}
    if count["moment"]:
        dates["YYYY-MM-DD"] = count["moment"]
    if sum(dates.values()) >= MIXED * rows:
        found = ", ".join(dates)
        more = " in several forms" if len(dates) > 1 else ""
        return f"dates as text{more} ({found}): write them as YYYY-MM-DD to have a datetime"
    if count["infinite"] and count["number"] + count["infinite"] >= MIXED * rows:
        return f"{count['infinite']} values are infinite, which no number may be: give null"
    if count["comma"] and count["comma"] + count["number"] >= MIXED * rows:
        return "numbers as text, with a decimal comma: name it in data.source of params.yaml"
    if count["padded"] and count["padded"] + count["digits"] >= rows:
        return "digits with leading zeros: codes, and no numbers"
    if MIXED * rows <= count["number"] < rows:
        return (f"mixed: {count['number']} of {rows} values are numbers, the others text: name "
                "a word for no value in data.source.nulls, or mend the source")  # fmt: skip
    return ""
