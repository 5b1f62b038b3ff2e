"""Files of rows: CSV and Parquet, told apart by the last letters of their names.

They come from where the source comes from: their columns may be called as there, and what stands
there for no value does so here. What a request over HTTP has are the names of schema.yaml alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from lifecycle.contract.errors import StageError
from lifecycle.core import csv_file, parquet_file
from lifecycle.core.source_settings import NamedSource, SourceSettings

CSV, PARQUET = ".csv", ".parquet"


def is_text(path: Path) -> bool:
    """Return whether a file's values have no kinds."""
    return path.suffix.lower() == CSV


def is_table(path: Path) -> bool:
    """Return whether a file is one that is read."""
    return path.suffix.lower() in (CSV, PARQUET)


def scan(path: Path, needed: Sequence[str], source: SourceSettings | None = None) -> pl.LazyFrame:
    """Return a file's rows lazily, without columns that no frame holds, but for those needed.

    Args:
        path: The file.
        needed: Columns of schema.yaml.
        source: Says how the source calls them, and which words stand for no value.

    Raises:
        StageError: the file cannot be read, or has a column by both of its names; of a record or a
            column, where the frame is collected.
    """
    known = source if isinstance(source, NamedSource) else NamedSource()
    if is_text(path):
        rows = csv_file.scan(path)
    else:
        strange = [name for name in parquet_file.strange_columns(path)
                   if known.columns.get(name, name) not in needed]  # fmt: skip
        rows = parquet_file.scan(path).drop(strange)
    return called(without(rows, known.nulls), known.columns, path)


def without(rows: pl.LazyFrame, nulls: Sequence[str]) -> pl.LazyFrame:
    """Return rows in which some words stand for no value."""
    text = pl.col(pl.String)
    made = pl.when(~text.is_in(list(nulls))).then(text).name.keep()
    return rows.with_columns(made) if nulls else rows


def called(rows: pl.LazyFrame, columns: Mapping[str, str], path: Path) -> pl.LazyFrame:
    """Return the rows of a file with the names of schema.yaml, whichever it has."""
    present = rows.collect_schema().names()
    given = {raw: name for raw, name in columns.items() if raw in present}
    for raw, name in given.items():
        if name in present:
            said = (f"{path} has the columns {raw!r} and {name!r}, which are one and the same "
                    "(data.source.columns of params.yaml)")  # fmt: skip
            raise StageError(said, "leave one of them")
    return rows.rename(given)
