"""Source reads the rows of the files that were fetched: by the project's own code, or without."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lifecycle.contract import values
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core import csv_file, parquet_file, reading
from lifecycle.core.source_settings import PythonSource, SourceSettings
from lifecycle.sources import scanning
from project.source import SOURCES, Source


class Reader:
    """What the project's source is given to read with."""

    def csv(self, path: Path) -> pl.LazyFrame:
        """Scan a CSV file as text: types come from the schema, not from a guess at the first rows.

        Raises:
            StageError: the file is missing, or is no table.
        """
        if not path.is_file():
            raise StageError(f"{path} is missing", f"delete {path.parent} and run `make pipeline`")
        return csv_file.scan(path)

    def parquet(self, path: Path) -> pl.LazyFrame:
        """Scan a Parquet file.

        Raises:
            StageError: it is none, or has what no column of schema.yaml may have.
        """
        return parquet_file.scan(path)

    def moment(self, text: pl.Expr) -> pl.Expr:
        """Return in UTC the moments of texts that name their zone; null for others."""
        return reading.universal(text)

    def number(self, text: pl.Expr) -> pl.Expr:
        """Return the numbers of texts; null for others."""
        return pl.when(text.str.contains(values.NUMBER)).then(text.cast(pl.Float64, strict=False))


def find(name: str) -> Source:
    """Return the owner's source that params.yaml names.

    Raises:
        StageError: there is none of that name.
    """
    if name not in SOURCES:
        raise StageError(f"params.yaml: data.source.name: {name} is none of {', '.join(SOURCES)}")
    return SOURCES[name]


def scan(
    settings: SourceSettings, folder: Path, scratch: Path, schema: Schema
) -> tuple[pl.LazyFrame, bool]:
    """Return the rows of a source's files, and whether text may stand for every type in them.

    Args:
        settings: The section `data.source` of params.yaml.
        folder: Where its files are.
        scratch: A folder for what has to be unpacked.
        schema: Says which columns are numbers, where they have decimal commas.

    Raises:
        StageError: there is no such source, or its files are none of its own.
    """
    if isinstance(settings, PythonSource):
        found = find(settings.name)
        try:
            return found.scan(folder, scratch, Reader()), found.is_text
        except ValueError as error:
            raise StageError(str(error)) from None
    numbers = [one.name for one in schema.columns if one.type in ("integer", "float")]
    return scanning.scan(settings, folder, numbers)
