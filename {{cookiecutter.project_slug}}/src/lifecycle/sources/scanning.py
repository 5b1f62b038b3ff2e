"""Rows of a source that params.yaml names, read lazily from its files: text, or typed.

All files of a source have the same columns. Nothing is checked against schema.yaml: ingest does.
"""

from __future__ import annotations

import glob
from collections.abc import Collection
from pathlib import Path

import polars as pl

from lifecycle.contract.errors import StageError
from lifecycle.core import csv_file, parquet_file, tables
from lifecycle.core.compressed import compression
from lifecycle.core.source_settings import CsvSource, ExcelSource, Known
from lifecycle.sources import files

ADVICE = "see data.source of params.yaml (encoding, delimiter, quote)"
# As a decimal comma is written; without one it is a whole number.
COMMA = "^-?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?$"
OTHERS = {b"PAR1": "parquet", b"PK\x03\x04": "excel", b"\xd0\xcf\x11\xe0": "excel"}
UNNAMED = "__UNNAMED__"


def scan(
    settings: Known, folder: Path, numbers: Collection[str] | None = None
) -> tuple[pl.LazyFrame, bool]:
    """Return the rows of a source's files, and whether text may stand for every type in them.

    Args:
        settings: The section of params.yaml.
        folder: Where its files are.
        numbers: Columns in which a decimal comma is read as one; None: wherever it looks like one.

    Raises:
        StageError: a file cannot be read. Of a record, where the frame is collected.
    """
    rows = _together(settings, files.reading(settings, folder))
    rows = _renamed(tables.without(rows, settings.nulls), settings)
    if isinstance(settings, CsvSource) and settings.decimal == ",":
        names = [n for n in rows.collect_schema().names() if numbers is None or n in numbers]
        text = pl.col(names)
        point = pl.when(text.str.contains(COMMA)).then(text.str.replace(",", ".", literal=True))
        rows = rows.with_columns(point.otherwise(text).name.keep())
    if settings.number_rows:
        rows = rows.with_row_index(settings.number_rows).with_columns(
            pl.col(settings.number_rows).cast(pl.Int64)
        )
    return rows, settings.kind in ("csv", "excel")


def _together(settings: Known, paths: list[Path]) -> pl.LazyFrame:
    """Return the rows of all files, in the order of their names."""
    every = [_one(settings, path) for path in paths]
    first = every[0].collect_schema().names()
    for path, frame in zip(paths, every, strict=True):
        names = frame.collect_schema().names()
        for one, other, where in ((first, names, path), (names, first, paths[0])):
            if lost := [repr(name) for name in one if name not in other]:
                raise StageError(f"{where} lacks the column {', '.join(lost[:3])}, which other "
                                 "files of the source have")  # fmt: skip
    if len(every) == 1:
        return every[0]
    return pl.concat([one.select(first) for one in every], how="vertical_relaxed")


def _one(settings: Known, path: Path) -> pl.LazyFrame:
    with path.open("rb") as handle:
        start = handle.read(4)
    if not start:
        raise StageError(f"{path} cannot be read: it is empty")
    is_other = next((kind for mark, kind in OTHERS.items() if start.startswith(mark)), None)
    expected = "parquet" if settings.kind == "sql" else settings.kind
    if is_other and is_other != expected:
        raise StageError(f"{path} is of kind {is_other}", "say so in data.source.kind")
    if isinstance(settings, CsvSource):
        dialect = csv_file.Dialect(settings.delimiter, settings.encoding, settings.quote, ADVICE)
        return csv_file.scan(path, dialect)
    if isinstance(settings, ExcelSource):
        return _sheet(path, settings.sheet)
    if expected == "parquet":
        if compression(path):
            raise StageError(f"{path} is compressed as a whole", "unpack it: Parquet is already")
        return parquet_file.scan(path)
    return _json_lines(path)


def _json_lines(path: Path) -> pl.LazyFrame:
    """Return the objects of a file, each key a column of the type that all its values have."""
    # What looks like a pattern is the name of a folder.
    rows = pl.scan_ndjson(glob.escape(str(path)), infer_schema_length=None)
    try:
        rows.collect_schema()
    except (pl.exceptions.PolarsError, OSError):
        # The reason would quote the line, which may be private.
        said = f"{path} cannot be read: it has a line that is no JSON object"
        advice = "write one object a line, or fetch it again if it was cut"
        raise StageError(said, advice) from None
    return rows


def sheets(path: Path) -> list[str]:
    """Return the names of a workbook's sheets.

    Raises:
        StageError: it is none.
    """
    import fastexcel

    try:
        return list(fastexcel.read_excel(path).sheet_names)
    except fastexcel.FastExcelError as error:
        raise StageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def _sheet(path: Path, name: str | None) -> pl.LazyFrame:
    """Return the rows of a sheet; a workbook has a million at most."""
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
        sheets = book.sheet_names
        if name is None and len(sheets) > 1:
            raise StageError(f"{path} has the sheets {', '.join(sheets)}",
                             "say which one in data.source.sheet")  # fmt: skip
        if name is not None and name not in sheets:
            raise StageError(f"{path} has no sheet {name!r}: it has {', '.join(sheets)}")
        head = book.load_sheet(name or sheets[0], header_row=None, n_rows=1).to_polars()
        frame = book.load_sheet(name or sheets[0], schema_sample_rows=None).to_polars()
    except fastexcel.FastExcelError as error:
        raise StageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    csv_file.check_names(path, [str(value) for value in head.row(0) if value is not None])
    named = [one for one in frame.columns if not one.startswith(UNNAMED)]
    return frame.select(named).lazy()


def _renamed(rows: pl.LazyFrame, settings: Known) -> pl.LazyFrame:
    present = rows.collect_schema().names()
    missing = [repr(name) for name in settings.columns if name not in present]
    if missing:
        raise StageError(f"params.yaml: data.source.columns: the source has no {missing[0]}")
    kept = [settings.columns.get(name, name) for name in present]
    every = [*kept, *([settings.number_rows] if settings.number_rows else [])]
    twice = [repr(name) for name in every if every.count(name) > 1]
    if twice:
        raise StageError(f"params.yaml: data.source: two columns would be called {twice[0]}")
    return rows.rename(settings.columns)
