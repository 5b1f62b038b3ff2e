"""CSV files as text, read by one rule wherever rows come from: whole records, each name once.

A record with fewer fields than the header would be a row of nulls, and be scored: it is refused, as
is a file that was cut off. A blank line is no record. What is refused is never quoted: it may be
private. A `Dialect` says how a source of params.yaml is written; all else is in UTF-8, with commas.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source
from pyarrow import csv as arrow_csv

from lifecycle.contract.errors import StageError
from lifecycle.core.compressed import opened

# A record is never longer; so much of a file is in memory at a time.
BLOCK = 1 << 21
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SAVE = "save it as CSV with commas, in UTF-8"
COUNTED = "the header is the first, blank lines do not count"
TOO_LONG = (
    f"a value is longer than {BLOCK:,} bytes, or a quote is not closed: leave such a value out"
)
# How files begin that are no text in UTF-8.
OTHER_KINDS = {
    b"\xff\xfe": f"it is UTF-16: {SAVE}",
    b"\xfe\xff": f"it is UTF-16: {SAVE}",
    b"\x1f\x8b": "it is compressed by gzip: unpack it",
    b"PK\x03\x04": f"it is a zip archive or a workbook: unpack it, or {SAVE}",
    b"PAR1": "it is a Parquet file: name it .parquet",
}
# What csv refuses as too long, Arrow does as well.
csv.field_size_limit(BLOCK)


@dataclass(frozen=True)
class Dialect:
    """How the text is written; `advice` is what to do where it is not."""

    delimiter: str = ","
    encoding: str = "utf-8"
    quote: str | None = '"'
    advice: str = SAVE

    @contextmanager
    def lines(self, path: Path, *, strict: bool = True) -> Iterator[Any]:
        """Open a file to read its records one by one; what is not text is replaced."""
        encoding = "utf-8-sig" if self.is_utf8 else self.encoding
        with (
            opened(path) as stream,
            io.TextIOWrapper(stream, encoding, errors="replace", newline="") as text,
        ):
            quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
            yield csv.reader(
                text, delimiter=self.delimiter, quotechar=self.quote, quoting=quoting, strict=strict
            )

    @property
    def is_utf8(self) -> bool:
        """Whether it is what Arrow reads as it is."""
        return self.encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")


PLAIN = Dialect()


def scan(path: Path, dialect: Dialect | None = None) -> pl.LazyFrame:
    """Return the records of a file lazily, every value as text, and null where there is none.

    A file with a `dialect` may be compressed, and its last line need not end.

    Raises:
        StageError: it is no CSV file of that dialect, was cut off, or has a name twice. That a
            record is refused is raised where the frame is collected.
    """
    if dialect is None:
        _check_whole(path)
    known = dialect or PLAIN
    names = header(path, known)
    _check_quotes(path, known)
    frames = partial(_frames, path, known, names)
    return register_io_source(frames, schema=dict.fromkeys(names, pl.String))


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


def header(path: Path, dialect: Dialect) -> list[str]:
    """Return the names of the columns.

    Raises:
        StageError: there are none, or one stands twice.
    """
    try:
        with dialect.lines(path, strict=False) as records:
            names = list(filter(None, next(filter(None, records), [])))
    except csv.Error as error:
        raise StageError(f"{path} cannot be read: its header is none: {error}") from None
    except (OSError, UnicodeError) as error:
        raise StageError(f"{path} cannot be read: {error}") from None
    if "\ufffd" in "".join(names):
        said = f"its header is not {dialect.encoding.upper()}"
        raise StageError(f"{path} cannot be read: {said}: {dialect.advice}")
    if not names:
        raise StageError(f"{path} cannot be read: it has no header")
    for delimiter, said in DELIMITERS.items():
        if len(names) == 1 and delimiter in names[0]:
            raise StageError(f"{path} cannot be read: {said} divide its columns: {dialect.advice}")
    check_names(path, names)
    return names


def _check_quotes(path: Path, dialect: Dialect) -> None:
    """Refuse a quote that is not closed, or closed within a value: rows would become one value."""
    mark, begins = (dialect.quote or "").encode("ascii"), 1
    try:
        with opened(path) as stream:
            blocks = iter(partial(stream.read, BLOCK), b"")
            if not mark or not any(mark in block for block in blocks):
                return
        with dialect.lines(path) as records:
            for _ in records:
                begins = records.line_num + 1
    except csv.Error as error:
        said = f"{path} cannot be read: in the record that begins in line {begins} "
        if "limit" in str(error):
            raise StageError(f"{said}{TOO_LONG}") from None
        twice = f"a quote within quotes twice, as {2 * (dialect.quote or '')}"
        raise StageError(
            f"{said}a quote is not closed, or text stands behind it: write {twice}"
        ) from None
    except OSError as error:
        raise StageError(f"{path} cannot be read: {error}") from None


def _frames(
    path: Path,
    dialect: Dialect,
    names: list[str],
    columns: list[str] | None,
    predicate: pl.Expr | None,
    most: int | None,
    _size: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield the records a block at a time, as a lazy frame asks for them."""
    wanted = names if columns is None else columns or names[:1]
    batches = _batches(path, dialect, names, wanted)
    read = (pa.Table.from_batches([batch]) for batch in batches)
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


def _batches(
    path: Path, dialect: Dialect, names: list[str], wanted: list[str]
) -> Iterator[pa.RecordBatch]:
    uneven: list[arrow_csv.InvalidRow] = []

    def refuse(row: arrow_csv.InvalidRow) -> str:
        uneven.append(row)
        return "error"

    converted = arrow_csv.ConvertOptions(
        include_columns=wanted, column_types=dict.fromkeys(names, pa.large_string()),
        null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True,
    )  # fmt: skip
    parsed = arrow_csv.ParseOptions(
        delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=True,
        invalid_row_handler=refuse,
    )  # fmt: skip
    # With threads it is not known which record is at fault.
    encoding = "utf8" if dialect.is_utf8 else dialect.encoding
    read = arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False, encoding=encoding)
    try:
        # Opened here: of a path, its last letters would say how it is compressed.
        with opened(path) as handle:
            yield from arrow_csv.open_csv(handle, read, parsed, converted)
    except (pa.ArrowException, UnicodeError, OSError) as error:
        raise StageError(_reason(path, dialect, uneven, str(error).splitlines()[0])) from None


def _reason(path: Path, dialect: Dialect, uneven: list[arrow_csv.InvalidRow], said: str) -> str:
    if uneven:
        row = uneven[0]
        return (f"{path} cannot be read: record {row.number} has {row.actual_columns} fields, and "
                f"the header {row.expected_columns} ({COUNTED})")  # fmt: skip
    if "Empty CSV" in said:
        return f"{path} cannot be read: it has a header, and no rows"
    if "straddling" in said:
        return f"{path} cannot be read: {TOO_LONG}"
    if "UTF8" in said or "decode" in said:
        number = re.search(r"Row #(\d+)", said)
        where = f"record {number[1]} ({COUNTED})" if number else "it"
        return f"{path} cannot be read: {where} is not {dialect.encoding.upper()}: {dialect.advice}"
    return f"{path} cannot be read: {said}"
