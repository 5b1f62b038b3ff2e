"""One table of values, for every reader: each means the same in all of them, or is refused.

A row has one value as each format writes it: the cell of a CSV file, the column of a Parquet file,
the JSON of a request. Where JSON has no such kind it is the nearest: of every integer and float
its number, of a decimal its digits, of Parquet's moments ISO 8601, of a boolean that CSV writes
True its true, of a null that CSV writes NA its null. None stands where a format cannot have the
value at all: a cell has no kinds, and quotes around it say nothing; JSON has no binary and no NaN.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError

REFUSED = "refused"
DAY = datetime(2013, 1, 5)
FIVE = datetime(2013, 1, 5, 5)
MAY = datetime(2013, 5, 31, 17, 45)
FOUR = [Decimal("408.00")]


# Made when they are asked for: Polars starts threads for some, which a fork does not have, as it is
# made of the session that has collected the tests by the template's `make mutants`.
def of(*values: Any, type_: Any = None) -> Callable[[], pl.Series]:
    return partial(pl.Series, values, dtype=type_)


def at(moment: Any, unit: str = "us", zone: str | None = None) -> Callable[[], pl.Series]:
    return partial(pl.Series, [moment], dtype=pl.Datetime(unit, zone))  # type: ignore[arg-type]


def elsewhere(moment: datetime, zone: str, unit: str = "us") -> Any:
    """A moment of Arrow: it has zones that a frame does not know, as of pandas' fixed offsets."""
    return pa.array([moment.replace(tzinfo=UTC)], pa.timestamp(unit, zone))


def extended(kind: Any, value: Any) -> Any:
    return pa.ExtensionArray.from_storage(kind, pa.array([value], kind.storage_type))


Row = tuple[str, str | None, Any, str | None, Any]
TABLE: list[Row] = [
    # kind, CSV, Parquet, JSON, what it means
    ("integer", "408", of(408), "408", 408),
    ("integer", "40", of(40, type_=pl.Int8), "40", 40),
    ("integer", "408.0", of(408.0), "408.0", 408),
    ("integer", "408.000", of(*FOUR, type_=pl.Decimal(9, 3)), "408.000", 408),
    ("integer", "408.0", of(408.0, type_=pl.Float32), "408.0", 408),
    ("integer", "408", of(408, type_=pl.UInt64), "408", 408),
    ("integer", "408.9", of(408.9), "408.9", REFUSED),
    ("integer", "408.90", of(Decimal("408.90"), type_=pl.Decimal(9, 2)), "408.90", REFUSED),
    ("integer", "408.0000001", of(408.0000001), "408.0000001", REFUSED),
    ("integer", "1e3", of(1e3), "1e3", 1000),
    ("integer", "4.08e2", of(4.08e2), "4.08e2", 408),
    ("integer", "4.085e2", of(4.085e2), "4.085e2", REFUSED),
    ("integer", "-0", of(-0.0), "-0", 0),
    ("integer", "-12", of(-12), "-12", -12),
    ("integer", "9007199254740992", of(2**53), "9007199254740992", 2**53),
    ("integer", "9007199254740993", of(2**53 + 1), "9007199254740993", REFUSED),
    ("integer", "9007199254740993.0", of(float(2**53)), "9007199254740993.0", REFUSED),
    ("integer", "9223372036854775808", of(2**63, type_=pl.UInt64), "9223372036854775808", REFUSED),
    ("integer", "1e30", of(1e30), "1e30", REFUSED),
    ("integer", "1e999", of(float("inf")), "1e999", REFUSED),
    ("integer", "nan", of(float("nan")), "NaN", REFUSED),
    ("integer", " 408", None, None, REFUSED),
    ("integer", "+408", None, "+408", REFUSED),
    ("integer", "0408", None, "0408", REFUSED),
    ("integer", "0x1A", None, "0x1A", REFUSED),
    ("integer", "1_000", None, "1_000", REFUSED),
    ("integer", "1,000", None, None, REFUSED),
    ("integer", "\u0664\u0660\u0668", None, "\u0664\u0660\u0668", REFUSED),
    ("integer", "true", of(True), "true", REFUSED),
    ("integer", None, of("408"), '"408"', REFUSED),
    ("integer", "null", of("null"), '"null"', REFUSED),
    ("integer", None, of("NA"), '"NA"', REFUSED),
    ("integer", None, of(""), '""', REFUSED),
    ("integer", "", of(None, type_=pl.Int64), "null", None),
    ("integer", "NA", of(None, type_=pl.Null), "null", None),
    ("integer", "[408]", of([408]), "[408]", REFUSED),
    ("integer", None, of({"a": 408}), '{"a": 408}', REFUSED),
    ("integer", None, of(b"408"), None, REFUSED),
    ("integer", None, of(DAY), '"2013-01-05T00:00:00"', REFUSED),
    ("integer", None, of(timedelta(1)), '"P1D"', REFUSED),
    ("seconds", "1370022300", of(1370022300), "1370022300", MAY),
    ("seconds", "1370022300.0", of(1370022300.0), "1370022300.0", MAY),
    ("seconds", "1.3700223e9", of(1370022300.0), "1.3700223e9", MAY),
    ("seconds", "0", of(0, type_=pl.Int8), "0", datetime(1970, 1, 1)),
    ("seconds", None, of(Decimal("1370022300.00")), None, MAY),
    # What was read once is read again: rows of a snapshot, and of a smoke request.
    ("seconds", "2013-05-31T17:45:00", at(MAY), '"2013-05-31T17:45:00"', MAY),
    ("seconds", "2013-01-05", of(DAY.date()), '"2013-01-05"', DAY),
    ("seconds", "1370022300.5", of(1370022300.5), "1370022300.5", REFUSED),
    ("seconds", "-1", of(-1), "-1", REFUSED),
    ("seconds", "1370022300000", of(1370022300000), "1370022300000", REFUSED),
    ("seconds", "9223372036854775807", of(2**63 - 1), "9223372036854775807", REFUSED),
    ("seconds", "1" + "0" * 30, of(1e30), "1" + "0" * 30, REFUSED),
    ("seconds", "true", of(True), "true", REFUSED),
    ("seconds", None, of("1370022300"), '"1370022300"', REFUSED),
    ("seconds", "nan", of(float("nan")), "NaN", REFUSED),
    ("seconds", "", of(None, type_=pl.Int64), "null", None),
    ("seconds", "2013-05-31T17:45:00Z", at(MAY, zone="UTC"), '"2013-05-31T17:45:00Z"', REFUSED),
    ("milliseconds", "1370022300000", of(1370022300000), "1370022300000", MAY + timedelta(hours=2)),
    ("milliseconds", "1370022300001", of(1370022300001), "1370022300001",
     MAY + timedelta(hours=2, milliseconds=1)),
    ("milliseconds", "2013-05-31T17:45:00Z", at(MAY, zone="UTC"), '"2013-05-31T17:45:00Z"',
     MAY + timedelta(hours=2)),
    # 1970 begins an hour earlier in Berlin, and 2100 as well.
    ("milliseconds", "-3600000", of(-3600000), "-3600000", datetime(1970, 1, 1)),
    ("milliseconds", "-3600001", of(-3600001), "-3600001", REFUSED),
    ("milliseconds", "4102441200000", of(4102441200000), "4102441200000", REFUSED),
    ("microseconds", "1370022300000000", of(1370022300000000), "1370022300000000", MAY),
    ("microseconds", "9007199254740991", of(2**53 - 1), "9007199254740991",
     datetime(2255, 6, 5, 23, 47, 34, 740991)),
    ("microseconds", "9007199254740992", of(2**53), "9007199254740992", REFUSED),
    ("float", "1.5", of(1.5), "1.5", 1.5),
    ("float", "408", of(408), "408", 408.0),
    ("float", "0.1", of(0.1, type_=pl.Float64), "0.1", 0.1),
    ("float", "0.25", of(0.25, type_=pl.Float32), "0.25", 0.25),
    ("float", "12.34", of(Decimal("12.34"), type_=pl.Decimal(9, 2)), "12.34", 12.34),
    ("float", "1e5", of(1e5), "1e5", 1e5),
    ("float", "1E+05", of(1e5), "1E+05", 1e5),
    ("float", "-1.5e-3", of(-1.5e-3), "-1.5e-3", -1.5e-3),
    ("float", "1e-400", of(0.0), "1e-400", 0.0),
    ("float", "1,5", of("1,5"), '"1,5"', REFUSED),
    ("float", "1_000", of("1_000"), "1_000", REFUSED),
    ("float", "0x1A", of("0x1A"), "0x1A", REFUSED),
    ("float", ".5", None, ".5", REFUSED),
    ("float", "5.", None, "5.", REFUSED),
    ("float", "nan", of(float("nan")), "NaN", REFUSED),
    ("float", "NaN", of("NaN"), '"NaN"', REFUSED),
    ("float", "inf", of(float("inf")), "Infinity", REFUSED),
    ("float", "-inf", of(float("-inf")), "-Infinity", REFUSED),
    ("float", "1e400", of(float("inf")), "1e400", REFUSED),
    ("float", "1" + "0" * 400, None, "1" + "0" * 400, REFUSED),
    ("float", "1e300", of(1e300), "1e300", REFUSED),
    ("float", "1000000000000001", of(10**15 + 1), "1000000000000001", REFUSED),
    ("float", "false", of(False), "false", REFUSED),
    ("float", None, of("1.5"), '"1.5"', REFUSED),
    ("float", "NA", of(None, type_=pl.Float64), "null", None),
    ("float", None, of([1.5]), "[1.5]", REFUSED),
    ("boolean", "true", of(True), "true", True),
    ("boolean", "True", of(True), "true", True),
    ("boolean", "TRUE", of(True), "true", True),
    ("boolean", "False", of(False), "false", False),
    ("boolean", "1", of(1, type_=pl.Int8), "1", True),
    ("boolean", "0", of(0, type_=pl.UInt8), "0", False),
    ("boolean", "1.0", of(1.0), "1.0", True),
    ("boolean", "0.0", of(-0.0), "-0.0", False),
    ("boolean", "1.00", of(Decimal("1.00"), type_=pl.Decimal(9, 2)), "1.00", True),
    ("boolean", "2", of(2), "2", REFUSED),
    ("boolean", "-1", of(-1), "-1", REFUSED),
    ("boolean", "0.5", of(0.5), "0.5", REFUSED),
    ("boolean", "yes", of("yes"), '"yes"', REFUSED),
    ("boolean", "t", of("t"), '"t"', REFUSED),
    ("boolean", "tRuE", None, "tRuE", REFUSED),
    ("boolean", None, of("true"), '"true"', REFUSED),
    ("boolean", "nan", of(float("nan")), "NaN", REFUSED),
    ("boolean", "", of(None, type_=pl.Boolean), "null", None),
    ("boolean", "1", extended(pa.bool8(), 1), "1", True),
    ("datetime", "2013-05-31T17:45:00", of("2013-05-31T17:45:00"), '"2013-05-31T17:45:00"', MAY),
    ("datetime", "2013-05-31 17:45", at(MAY), '"2013-05-31 17:45"', MAY),
    ("datetime", "2013-05-31 17:45:00.000", at(MAY, "ms"), '"2013-05-31 17:45:00.000"', MAY),
    ("datetime", "2013-05-31 17:45:00.000000000", at(MAY, "ns"),
     '"2013-05-31 17:45:00.000000000"', MAY),
    ("datetime", "2013-05-31T17:45:00.5", at(MAY + timedelta(microseconds=500_000)),
     '"2013-05-31T17:45:00.5"', MAY + timedelta(microseconds=500_000)),
    ("datetime", "2013-05-31T17:45:00.000001", at(MAY + timedelta(microseconds=1), "ns"),
     '"2013-05-31T17:45:00.000001"', MAY + timedelta(microseconds=1)),
    ("datetime", "2013-05-31T17:45:00.000000001",
     pl.Series([1_370_022_300_000_000_001]).cast(pl.Datetime("ns")),
     '"2013-05-31T17:45:00.000000001"', REFUSED),
    ("datetime", "2013-01-05", of(date(2013, 1, 5)), '"2013-01-05"', DAY),
    ("datetime", "2013-01-05", of("2013-01-05"), '"2013-01-05"', DAY),
    ("datetime", "2013-01-05T05:00:00Z", at(FIVE, zone="UTC"), '"2013-01-05T05:00:00Z"', REFUSED),
    ("datetime", "2013-01-05T05:00:00+01:00", at(FIVE.replace(tzinfo=UTC), zone="Europe/Berlin"),
     '"2013-01-05T05:00:00+01:00"', REFUSED),
    ("datetime", "2013-01-05T05:00:00+01:00", of("2013-01-05T05:00:00+01:00"),
     '"2013-01-05T05:00:00+01:00"', REFUSED),
    ("datetime", "2013-01-05T05:00:00+05:30", elsewhere(FIVE, "+05:30"),
     '"2013-01-05T05:00:00+05:30"', REFUSED),
    ("datetime", None, elsewhere(FIVE, "Nowhere/Land"), None, REFUSED),
    ("datetime", "1357362000", of(1_357_362_000), "1357362000", REFUSED),
    ("datetime", "1357362000000", of(1_357_362_000_000), "1357362000000", REFUSED),
    ("datetime", "1357362000000000", of(1_357_362_000_000_000), "1357362000000000", REFUSED),
    ("datetime", "1357362000.0", of(1_357_362_000.0), "1357362000.0", REFUSED),
    ("datetime", "2013-05-31T24:00:00", of("2013-05-31T24:00:00"), '"2013-05-31T24:00:00"',
     REFUSED),
    ("datetime", "2013-05-31T17:45:60", of("2013-05-31T17:45:60"), '"2013-05-31T17:45:60"',
     REFUSED),
    ("datetime", "2013-02-29", of("2013-02-29"), '"2013-02-29"', REFUSED),
    ("datetime", "2013-1-5", of("2013-1-5"), '"2013-1-5"', REFUSED),
    ("datetime", "01/05/2013", of("01/05/2013"), '"01/05/2013"', REFUSED),
    ("datetime", "20130105", of("20130105"), '"20130105"', REFUSED),
    ("datetime", "2013-W01-6", of("2013-W01-6"), '"2013-W01-6"', REFUSED),
    ("datetime", "2013-05-31t17:45:00", of("2013-05-31t17:45:00"), '"2013-05-31t17:45:00"',
     REFUSED),
    ("datetime", " 2013-05-31", of(" 2013-05-31"), '" 2013-05-31"', REFUSED),
    ("datetime", None, of("2013-05-31\n"), '"2013-05-31\\n"', REFUSED),
    ("datetime", "0001-01-01", of(date(1, 1, 1)), '"0001-01-01"', REFUSED),
    ("datetime", "0000-01-01", of("0000-01-01"), '"0000-01-01"', REFUSED),
    ("datetime", "1969-12-31 23:59", at(datetime(1969, 12, 31, 23, 59)), '"1969-12-31 23:59"',
     REFUSED),
    ("datetime", "9999-12-31", of(date(9999, 12, 31)), '"9999-12-31"', REFUSED),
    ("datetime", "10000-01-01", of("10000-01-01"), '"10000-01-01"', REFUSED),
    ("datetime", "NaT", of("NaT"), '"NaT"', REFUSED),
    ("datetime", "NA", of(None, type_=pl.Datetime("ms")), "null", None),
    ("datetime", "true", of(True), "true", REFUSED),
    ("datetime", "17:45", of(time(17, 45)), '"17:45"', REFUSED),
    ("datetime", None, of(timedelta(1)), '"P1D"', REFUSED),
    ("datetime", None, of([MAY]), '["2013-05-31T17:45:00"]', REFUSED),
    ("datetime", "20130105.0", of(Decimal(20130105), type_=pl.Decimal(9, 1)), "20130105.0",
     REFUSED),
    ("zoned", "2013-01-05T05:00:00Z", at(FIVE.replace(tzinfo=UTC), zone="UTC"),
     '"2013-01-05T05:00:00Z"', datetime(2013, 1, 5, 6)),
    ("zoned", "2013-01-05 05:00:00+00:00", at(FIVE.replace(tzinfo=UTC), "ms", "America/New_York"),
     '"2013-01-05 00:00:00-05:00"', datetime(2013, 1, 5, 6)),
    ("zoned", "2013-01-05 05:00-0500", of("2013-01-05 05:00-05"), '"2013-01-05T05:00-05:00"',
     datetime(2013, 1, 5, 11)),
    ("zoned", "2013-01-05T05:00:00.25+05:30", of("2013-01-05T05:00:00.25+05:30"),
     '"2013-01-05T05:00:00.25+05:30"', datetime(2013, 1, 5, 0, 30, 0, 250_000)),
    ("zoned", "2013-01-05T10:30:00+05:30", elsewhere(FIVE, "+05:30"),
     '"2013-01-05T10:30:00+05:30"', datetime(2013, 1, 5, 6)),
    ("zoned", "2013-01-05T02:00:00-03:00", elsewhere(FIVE, "-03:00", "ns"),
     '"2013-01-05T02:00:00-03:00"', datetime(2013, 1, 5, 6)),
    ("zoned", None, elsewhere(FIVE, "Nowhere/Land", "ms"), None, datetime(2013, 1, 5, 6)),
    ("zoned", "2013-01-05T05:00:00", at(FIVE), '"2013-01-05T05:00:00"', FIVE),
    ("zoned", "2013-01-05", of(date(2013, 1, 5)), '"2013-01-05"', DAY),
    ("zoned", "2013-03-31 02:30", at(datetime(2013, 3, 31, 2, 30)), '"2013-03-31 02:30"', REFUSED),
    ("zoned", "2013-10-27 02:30", at(datetime(2013, 10, 27, 2, 30)), '"2013-10-27 02:30"',
     datetime(2013, 10, 27, 2, 30)),
    ("zoned", "2013-10-27T00:30:00Z", at(datetime(2013, 10, 27, 0, 30, tzinfo=UTC), zone="UTC"),
     '"2013-10-27T00:30:00Z"', datetime(2013, 10, 27, 2, 30)),
    ("zoned", "2013-10-27T01:30:00Z", at(datetime(2013, 10, 27, 1, 30, tzinfo=UTC), zone="UTC"),
     '"2013-10-27T01:30:00Z"', datetime(2013, 10, 27, 2, 30)),
    ("zoned", "2013-01-05T05:00:00+15:00", of("2013-01-05T05:00:00+15:00"),
     '"2013-01-05T05:00:00+15:00"', REFUSED),
    ("zoned", "2099-07-01T00:00:00Z", of("2099-07-01T00:00:00Z"), '"2099-07-01T00:00:00Z"',
     datetime(2099, 7, 1, 2)),
    ("zoned", "2100-07-01T00:00:00", of("2100-07-01T00:00:00"), '"2100-07-01T00:00:00"', REFUSED),
    ("zoned", "2100-07-01T00:00:00Z", of("2100-07-01T00:00:00Z"), '"2100-07-01T00:00:00Z"',
     REFUSED),
    ("zoned", "1969-12-31", of(date(1969, 12, 31)), '"1969-12-31"', REFUSED),
    ("zoned", "2013-01-05Z", of("2013-01-05Z"), '"2013-01-05Z"', REFUSED),
    ("zoned", "0001-01-01T00:00:00+14:00", of("0001-01-01T00:00:00+14:00"),
     '"0001-01-01T00:00:00+14:00"', REFUSED),
    ("zoned", "9999-12-31T23:59:59-14:00", of("9999-12-31T23:59:59-14:00"),
     '"9999-12-31T23:59:59-14:00"', REFUSED),
    ("string", "N123", of("N123"), '"N123"', "N123"),
    ("string", "408", of("408"), '"408"', "408"),
    ("string", "0408", of("0408"), '"0408"', "0408"),
    ("string", "UA ", of("UA "), '"UA "', "UA "),
    ("string", "null", of("null"), '"null"', "null"),
    ("string", "nan", of("nan"), '"nan"', "nan"),
    ("string", "true", of("true"), '"true"', "true"),
    ("string", "\u00e9", of("\u00e9"), '"\\u00e9"', "\u00e9"),
    ("string", "e\u0301", of("e\u0301"), '"e\u0301"', "e\u0301"),
    ("string", "a,b", of("a,b"), '"a,b"', "a,b"),
    ("string", "x" * 100, of("x" * 100), '"' + "x" * 100 + '"', "x" * 100),
    ("string", "\u00e9" * 101, of("\u00e9" * 101), '"' + "\u00e9" * 101 + '"', REFUSED),
    ("string", None, of(""), '""', REFUSED),
    ("string", None, of("NA"), '"NA"', REFUSED),
    ("string", None, of(408), "408", REFUSED),
    ("string", None, of(4.5), "4.5", REFUSED),
    ("string", None, of(True), "true", REFUSED),
    ("string", None, of(b"UA"), None, REFUSED),
    ("string", None, of(["UA"]), '["UA"]', REFUSED),
    ("string", None, of(date(2013, 1, 5)), None, REFUSED),
    ("string", "NA", of(None, type_=pl.String), "null", None),
    ("string", "[1]", extended(pa.json_(), "[1]"), '"[1]"', "[1]"),
    ("category", "UA", of("UA", type_=pl.Categorical), '"UA"', "UA"),
    ("category", "UA", of("UA", type_=pl.Enum(["UA", "B6"])), '"UA"', "UA"),
    ("category", "ua", of("ua"), '"ua"', "ua"),
    ("category", "UA ", of("UA "), '"UA "', "UA "),
    ("category", None, of(5), "5", REFUSED),
    ("category", None, of("NA"), '"NA"', REFUSED),
    ("category", None, of("", type_=pl.Categorical), '""', REFUSED),
    ("category", "NA", of(None, type_=pl.Categorical), "null", None),
    # Namibia's code is no null where the categories list it.
    ("country", "NA", of("NA"), '"NA"', "NA"),
    ("country", "", of(None, type_=pl.String), "null", None),
]  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    **{name: {"type": name} for name in ("integer", "float", "boolean", "datetime", "string")},
    "zoned": {"type": "datetime", "zone": "Europe/Berlin"},
    "seconds": {"type": "datetime", "epoch": "seconds"},
    "milliseconds": {"type": "datetime", "epoch": "milliseconds", "zone": "Europe/Berlin"},
    "microseconds": {"type": "datetime", "epoch": "microseconds"},
    "category": {"type": "category", "categories": ["UA", "B6"], "unknown_share": 0.5},
    "country": {"type": "category", "categories": ["NA", "DE"]},
}
WHEN = "2013-05-31T17:45:00"


def schema_of(kind: str) -> Schema:
    """A schema whose key `value` is of the kind, and may be null."""
    columns = {
        "at": {"type": "datetime", "roles": ["time"], "description": "When"},
        "value": {"roles": ["key"], "description": "Tried", "null_share": 0.5, **KINDS[kind]},
        "size": {"type": "float", "roles": ["feature"], "description": "A feature"},
        "late": {"type": "boolean", "roles": ["target"], "description": "The target"},
    }
    return Schema.model_validate({"columns": columns})


def written(path: Path, cell: str | None, column: Any) -> Path | None:
    """Write the one row as the path's format has it; None where it cannot have it."""
    if path.suffix == ".csv":
        if cell is None:
            return None
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows(
                [["at", "value", "size", "late"], [WHEN, cell, 1.5, "true"]]
            )
        return path
    if column is None:
        return None
    if callable(column):
        column = column()
    rest = pl.DataFrame({"at": [datetime.fromisoformat(WHEN)], "size": [1.5], "late": [True]})
    if isinstance(column, pl.Series):
        rest.with_columns(column.alias("value")).write_parquet(path)
    else:
        pq.write_table(rest.to_arrow().append_column("value", column), path)
    return path


HEADER, ONE = "at,value,size,late", f"{WHEN},UA,1.5,true"
TWO, THREE = (ONE.replace("UA", carrier) for carrier in ("B6", "DL"))
# A file: in what it is refused, or how many rows it has.
SHAPES: dict[str, tuple[str | bytes, str | int]] = {
    "plain": (f"{HEADER}\n{ONE}\n{TWO}\n", 2),
    "a mark of order": (b"\xef\xbb\xbf" + f"{HEADER}\n{ONE}\n".encode(), 1),
    "carriage returns": (f"{HEADER}\r\n{ONE}\r\n{TWO}\r\n", 2),
    "carriage returns only": (f"{HEADER}\r{ONE}\r{TWO}\r", 2),
    "blank lines": (f"\n{HEADER}\n\n{ONE}\n\r\n{TWO}\n\n", 2),
    "a line break in a value": (f'{HEADER}\n{WHEN},"U\nA",1.5,true\n', 1),
    "a comma in a value": (f'{HEADER}\n{WHEN},"U,A",1.5,true\n{TWO}\n', 2),
    "quotes in a value": (f'{HEADER}\n{WHEN},"U""A",1.5,true\n{WHEN},5" x,1.5,true\n', 2),
    "a column without a name": (f"{HEADER},\n{ONE},\n", 1),
    "a short row": (f"{HEADER}\n{ONE}\n{WHEN},B6\n{THREE}\n",
                    r"record 3 has 2 fields, and the header 4 \(the header is the first"),
    "a short row among many": (f"{HEADER}\n" + f"{ONE}\n" * 100_000 + f"{WHEN},B6,1\n{THREE}\n",
                               "record 100002 has 3 fields, and the header 4"),
    "a long row": (f"{HEADER}\n{ONE}\n{TWO},9\n", "record 3 has 5 fields, and the header 4"),
    "a line of blanks": (f"{HEADER}\n{ONE}\n   \n", "record 3 has 1 fields"),
    "cut off in a row": (f"{HEADER}\n{ONE}\n{WHEN},B6", "is truncated: its last line does not end"),
    "cut off in a value": (f"{HEADER}\n{ONE}\n{TWO}"[:-2], "is truncated: its last line"),
    "a name twice": (f"{HEADER},value\n{ONE},B6\n", "has the column 'value' twice: leave one"),
    "a name that nobody asks for twice": (f"{HEADER},x,x\n{ONE},1,2\n", "the column 'x' twice"),
    "semicolons": (f"{HEADER}\n{ONE}\n".replace(",", ";"), "semicolons divide its columns: save"),
    "tabs": (f"{HEADER}\n{ONE}\n".replace(",", "\t"), "tabs divide its columns: save it as CSV"),
    "UTF-16": (f"{HEADER}\n{ONE}\n".encode("utf-16"), "it is UTF-16: save it as CSV"),
    "UTF-16 of a kind": (f"{HEADER}\n{ONE}\n".encode("utf-16-le"), "it may be UTF-16: save it"),
    "Latin-1": (f"{HEADER}\n{ONE}\n{TWO}\n".replace("B6", "\u00e9").encode("latin-1"),
                r"record 3 \(.*\) is not UTF-8: save it"),
    "Latin-1 in the header": (f"{HEADER},\u00e9\n{ONE},1\n".encode("latin-1"), "er is not UTF-8"),
    "compressed": (gzip.compress(f"{HEADER}\n{ONE}\n".encode()), "compressed by gzip: unpack"),
    "a workbook": (b"PK\x03\x04 and more\n", "zip archive or a workbook: unpack it, or save it"),
    "Parquet": (b"PAR1 and more\n", "it is a Parquet file: name it .parquet"),
    "nothing": ("", "cannot be read: it is empty"),
    "line breaks only": ("\n\n", "cannot be read: it has no header"),
    "a quote that is not closed": (f'{HEADER}\n{ONE}\n{WHEN},"B6,1.5,true\n{THREE}\n',
                                   "record that begins in line 3 a quote is not closed"),
    "a last quote that is not closed": (f'{HEADER}\n{ONE}\n{WHEN},B6,1.5,"true\n{THREE}\n',
                                        "record that begins in line 3 a quote is not closed"),
    "text behind a quote": (f'{HEADER}\n{WHEN},"U"A,1.5,true\n', "begins in line 2 a quote is not"),
}  # fmt: skip


def require_whole_records(shape: str, read: Callable[[Path, Schema], Any], folder: Path) -> None:
    """No row of nulls, no row that is two, no column of two is chosen."""
    content, expected = SHAPES[shape]
    path = folder / "rows.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    schema = schema_of("string")
    if isinstance(expected, int):
        frame = read(path, schema)
        assert frame.height == expected
        assert frame["value"].null_count() == 0
        return
    with pytest.raises(StageError, match=expected) as refused:
        read(path, schema)
    assert "rows.csv" in str(refused.value)
    assert "\n" not in str(refused.value)
    # A row may be private.
    assert not any(value in str(refused.value) for value in ("B6", "DL", "2013"))


def require_a_frame(read: Callable[[Path, Schema], Any], folder: Path) -> None:
    """What no frame holds is refused by name where it is needed, and only there."""
    schema, path = schema_of("float"), folder / "rows.parquet"
    wide = pa.array(FOUR, pa.decimal256(40, 2))
    rest = pl.DataFrame({"at": [datetime.fromisoformat(WHEN)], "size": [1.5], "late": [True]})
    table = rest.to_arrow()
    pq.write_table(table.append_column("value", pa.array([4.0])).append_column("x", wide), path)
    assert read(path, schema)["value"].to_list() == [4.0]
    pq.write_table(table.append_column("value", wide), path)
    with pytest.raises(
        StageError, match=r"value is of type decimal256\(40, 2\), which is read"
    ) as no:
        read(path, schema)
    assert "rows.parquet" in str(no.value)
    twice = pa.table([*table.columns, pa.array([4.0]), pa.array([5.0])],
                     names=[*table.column_names, "value", "value"])  # fmt: skip
    pq.write_table(twice, path)
    with pytest.raises(StageError, match="has the column 'value' twice"):
        read(path, schema)
