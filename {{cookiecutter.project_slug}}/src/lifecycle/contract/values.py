"""What a raw value means: one rule for ingest, batch, labels and the service.

The same value means the same, or is refused, wherever it is read. Values come as text of a CSV
file, whose cells have no kinds, or with a kind of their own: of a Parquet column, or of JSON.

integer   a number without a fraction: 408, and 408.0, as pandas writes integers beside nulls
float     a finite number; text has numbers as JSON has them: 1.5, 1e3, no 1,5, 0408, +408 or nan
boolean   true or false, or a number that is 1 or 0; a cell may have True and TRUE as well
datetime  2013-05-31, 2013-05-31T17:45, 2013-05-31 17:45:00.5, and those kinds of Parquet; what has
          a zone is converted to the column's, and refused where schema.yaml names none. Where it
          names an epoch, a number without a fraction as well: so many of its unit since 1970 began
          in UTC, converted to the column's zone, without one to UTC
string    text that is not empty, and not NA; a category the same

An empty cell and NA are null in a CSV file (NA is a value where the categories list it). Text is no
number where there are kinds, and a number no text; what would lose digits is refused. Limits and
categories of schema.yaml are not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

from lifecycle.contract.columns import Column, Epoch

# Without limits in schema.yaml, for what a prediction needs: whole numbers that a float holds
# exactly, and floats whose products still fit the model's 32 bits (an infinity there makes
# XGBoost raise).
LARGEST_INTEGER = 2**53
LARGEST_FLOAT = 1e15
# NumPy counts nanoseconds in 64 bits; before 1970 nobody asks for a prediction.
FIRST_YEAR, LAST_YEAR = 1970, 2261
# From 2100 on libraries differ about the clocks of a zone.
LAST_YEAR_OF_ZONES = 2099
LONGEST_TEXT = 100
# How CSV files write a null.
NULL_WORD = "NA"
TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
DIGITS = "^-?(?:0|[1-9][0-9]*)$"
NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
# Of more than six digits of a second, what is beyond microseconds must be nought.
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
SECOND = r":[0-5][0-9](?:\.[0-9]{1,6}0{0,3})?"
ZONE = "Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?"
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Groups: day, hour and minute, seconds, zone.
MOMENT = f"^({DAY})(?:[T ]({CLOCK})({SECOND})?({ZONE})?)?$"
_LOOKS = re.compile(MOMENT, re.ASCII)
# When 1970 began, and how many microseconds there are in one of each unit.
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS: dict[Epoch, int] = {"seconds": 10**6, "milliseconds": 10**3, "microseconds": 1}
HOW = {
    "integer": "write 408 or 408.0",
    "float": "write a finite number, as 1.5 or 1e3",
    "boolean": "write true, false, 1 or 0",
    "datetime": "give local time, as 2013-05-31T17:45:00",
    "string": f"give text that is neither empty nor {NULL_WORD}, or null",
    "category": f"give text that is neither empty nor {NULL_WORD}, or null",
}


def how(column: Column) -> str:
    """Return what to write instead of a value that is refused."""
    if column.epoch:
        return f"give whole {column.epoch} since 1970, as {example(column)}, or local time"
    return HOW[column.type]


def example(column: Column) -> str | int:
    """Return a moment as a datetime column may have it."""
    if column.epoch:
        return 1370022300 * MICROSECONDS["seconds"] // MICROSECONDS[column.epoch]
    return "2013-05-31T17:45:00"


def is_null_word(column: Column) -> bool:
    """Return whether NA is a null in a file of text, as it is but for a category of that name."""
    return NULL_WORD not in column.categories


def bounds(column: Column) -> tuple[float, float]:
    """Return the limits of a number where schema.yaml gives none; of what is not asked, none."""
    if not column.is_asked:
        return float("-inf"), float("inf")
    largest = LARGEST_INTEGER if column.type == "integer" else LARGEST_FLOAT
    return -largest, largest


def years(column: Column) -> tuple[int, int]:
    """Return the first and the last year that a datetime may have."""
    if column.zone:
        return FIRST_YEAR, LAST_YEAR_OF_ZONES
    return (FIRST_YEAR, LAST_YEAR) if column.is_asked else (1, 9999)


def epochs(column: Column) -> tuple[int, int]:
    """Return the lowest and the highest number that a datetime column with an epoch may have."""
    assert column.epoch
    zone = ZoneInfo(column.zone) if column.zone else UTC
    first, last = years(column)
    unit = timedelta(microseconds=MICROSECONDS[column.epoch])
    low = -((BEGIN - datetime(first, 1, 1, tzinfo=zone)) // unit)
    high = (datetime(last, 12, 31, 23, 59, 59, 999_999, tzinfo=zone) - BEGIN) // unit
    # What is beyond would be another number as a float.
    return max(low, 1 - LARGEST_INTEGER), min(high, LARGEST_INTEGER - 1)


def whole(value: object) -> object:
    """Read 7.0 as the integer that it is; from 2**53 on, a float may be another integer's."""
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_INTEGER:
        return int(value)
    return value


def flag(value: object) -> object:
    """Read the numbers 1 and 0 as true and false."""
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


def text(value: str) -> str:
    """Refuse the word for a null: in a file of text it would be one.

    Raises:
        ValueError: the text is that word.
    """
    if value == NULL_WORD:
        raise ValueError(f"{NULL_WORD} stands for no value: give null")
    return value


def moment_of(column: Column) -> Callable[[object], datetime]:
    """Return what reads the moments of a datetime column."""
    zone = ZoneInfo(column.zone) if column.zone else None
    read = partial(_moment, zone=zone, years=years(column))
    if column.epoch is None:
        return read
    low, high = epochs(column)
    unit = timedelta(microseconds=MICROSECONDS[column.epoch])

    def read_number(value: object) -> datetime:
        number = whole(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return read(value)
        if not (isinstance(number, int) and low <= number <= high):
            raise ValueError(f"give whole {column.epoch} since 1970, from {low} to {high}")
        return (BEGIN + number * unit).astimezone(zone or UTC).replace(tzinfo=None, fold=0)

    return read_number


def _moment(value: object, zone: tzinfo | None, years: tuple[int, int]) -> datetime:
    """Read a moment as local time; without a zone to convert to, what has one is refused."""
    found = _LOOKS.fullmatch(value) if isinstance(value, str) else None
    if not found or (found[4] and zone is None):
        rest = "" if zone else " without a zone"
        raise ValueError(f"give local time{rest}, as 2013-05-31T17:45:00")
    moment = datetime.fromisoformat(found[0])
    if zone is not None:
        moment = _local(moment, zone)
    if not years[0] <= moment.year <= years[1]:
        raise ValueError(f"the year must be {years[0]} to {years[1]}")
    return moment


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """Return the local time of a zone; one that its clocks leave out is refused."""
    try:
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        local = aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError:
        raise ValueError("the year must be 1 to 9999") from None
    if moment.tzinfo is None and local != moment:
        raise ValueError(f"clocks are put forward then: there is no such time in {zone}")
    return local
