"""CSV files as text, read by one rule wherever rows come from: whole records, each name once.

A record with fewer fields than the header would be a row of nulls, and be scored: it is refused, as
is a file that was cut off. A blank line is no record. What is refused is never quoted: it may be
private.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source
from pyarrow import csv as arrow_csv

from lifecycle.contract.errors import StageError

# A record is never longer; so much of a file is in memory at a time.
BLOCK = 1 << 21
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SAVE = "save it as CSV with commas, in UTF-8"
COUNTED = "the header is the first, blank lines do not count"
# How files begin that are no text in UTF-8.
OTHER_KINDS = {
    b"\xff\xfe": f"it is UTF-16: {SAVE}",
    b"\xfe\xff": f"it is UTF-16: {SAVE}",
    b"\x1f\x8b": "it is compressed by gzip: unpack it",
    b"PK\x03\x04": f"it is a zip archive or a workbook: unpack it, or {SAVE}",
    b"PAR1": "it is a Parquet file: name it .parquet",
}


def scan(path: Path) -> pl.LazyFrame:
    """Return the records of a file lazily, every value as text, and null where there is none.

    Raises:
        StageError: it is no CSV file with commas in UTF-8, was cut off, or has a name twice. That
            a record is refused is raised where the frame is collected.
    """
    _check_whole(path)
    names = _header(path)
    _check_quotes(path)
    return register_io_source(partial(_frames, path, names), schema=dict.fromkeys(names, pl.String))


def check_names(path: Path, names: list[str]) -> None:
    """Let every column have a name of its own.

    Raises:
        StageError: one stands twice, and nobody knows which of them is meant.
    """
    twice = [repr(name) for name, count in Counter(names).items() if count > 1]
    if twice:
        raise StageError(f"{path} has the column {', '.join(twice)} twice: leave one of them")


def _check_whole(path: Path) -> None:
    with path.open("rb") as handle:
        start = handle.read(4)
        for mark, said in OTHER_KINDS.items():
            if start.startswith(mark):
                raise StageError(f"{path} cannot be read: {said}")
        if b"\0" in start:
            raise StageError(f"{path} cannot be read: it may be UTF-16: {SAVE}")
        if not start:
            raise StageError(f"{path} cannot be read: it is empty")
        handle.seek(path.stat().st_size - 1)
        # What was cut off may be half of the last value.
        if handle.read() not in (b"\n", b"\r"):
            raise StageError(f"{path} is truncated: its last line does not end. Fetch it again, or "
                             "end that line if it is whole")  # fmt: skip


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            names = list(filter(None, next(filter(None, csv.reader(text)), [])))
    except csv.Error as error:
        raise StageError(f"{path} cannot be read: its header is none: {error}") from None
    if "\ufffd" in "".join(names):
        raise StageError(f"{path} cannot be read: its header is not UTF-8: {SAVE}")
    if not names:
        raise StageError(f"{path} cannot be read: it has no header")
    for delimiter, said in DELIMITERS.items():
        if len(names) == 1 and delimiter in names[0]:
            raise StageError(f"{path} cannot be read: {said} divide its columns: {SAVE}")
    check_names(path, names)
    return names


def _check_quotes(path: Path) -> None:
    """Refuse a quote that is not closed, or closed within a value: rows would become one value."""
    with path.open("rb") as handle:
        if not any(b'"' in block for block in iter(partial(handle.read, BLOCK), b"")):
            return
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        records, begins = csv.reader(text, strict=True), 1
        try:
            for _ in records:
                begins = records.line_num + 1
        except csv.Error:
            raise StageError(
                f"{path} cannot be read: in the record that begins in line {begins} a quote is not "
                'closed, or text stands behind it: write a quote within quotes twice, as ""'
            ) from None


def _frames(
    path: Path,
    names: list[str],
    columns: list[str] | None,
    predicate: pl.Expr | None,
    most: int | None,
    _size: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield the records a block at a time, as a lazy frame asks for them."""
    wanted = names if columns is None else columns or names[:1]
    read = (pa.Table.from_batches([batch]) for batch in _batches(path, names, wanted))
    yield from frames_asked_for(read, predicate, most)


def frames_asked_for(
    read: Iterable[pa.Table], predicate: pl.Expr | None, most: int | None
) -> Iterator[pl.DataFrame]:
    """Yield what a lazy frame asks for: `most` rows, and of them those that a predicate takes."""
    for table in read:
        frame = pl.DataFrame(pl.from_arrow(table))
        if most is not None:
            frame = frame.head(most)
            most -= frame.height
        yield frame if predicate is None else frame.filter(predicate)
        if most == 0:
            return


def _batches(path: Path, names: list[str], wanted: list[str]) -> Iterator[pa.RecordBatch]:
    uneven: list[arrow_csv.InvalidRow] = []

    def refuse(row: arrow_csv.InvalidRow) -> str:
        uneven.append(row)
        return "error"

    converted = arrow_csv.ConvertOptions(
        include_columns=wanted, column_types=dict.fromkeys(names, pa.large_string()),
        null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True,
    )  # fmt: skip
    parsed = arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse)
    # With threads it is not known which record is at fault.
    read = arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False)
    try:
        # Opened here: of a path, its last letters would say how it is compressed.
        with path.open("rb") as handle:
            yield from arrow_csv.open_csv(handle, read, parsed, converted)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise StageError(_reason(path, uneven, str(error).splitlines()[0])) from None


def _reason(path: Path, uneven: list[arrow_csv.InvalidRow], said: str) -> str:
    if uneven:
        row = uneven[0]
        return (f"{path} cannot be read: record {row.number} has {row.actual_columns} fields, and "
                f"the header {row.expected_columns} ({COUNTED})")  # fmt: skip
    if "UTF8" in said:
        number = re.search(r"Row #(\d+)", said)
        where = f"record {number[1]} ({COUNTED})" if number else "it"
        return f"{path} cannot be read: {where} is not UTF-8: {SAVE}"
    return f"{path} cannot be read: {said}"
