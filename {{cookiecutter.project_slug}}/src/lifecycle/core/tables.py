"""Files of rows: CSV and Parquet, told apart by the last letters of their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from lifecycle.core import csv_file, parquet_file

CSV, PARQUET = ".csv", ".parquet"


def is_text(path: Path) -> bool:
    """Return whether a file's values have no kinds."""
    return path.suffix.lower() == CSV


def is_table(path: Path) -> bool:
    """Return whether a file is one that is read."""
    return path.suffix.lower() in (CSV, PARQUET)


def scan(path: Path, needed: Sequence[str]) -> pl.LazyFrame:
    """Return a file's rows lazily, without columns that no frame holds, but for those needed.

    Raises:
        StageError: the file cannot be read; of a record or a column, where the frame is collected.
    """
    if is_text(path):
        return csv_file.scan(path)
    strange = [name for name in parquet_file.strange_columns(path) if name not in needed]
    return parquet_file.scan(path).drop(strange)
