"""Source brings the rows' files into the project, and reads them by the project's own code."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from lifecycle.contract import values
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import move
from lifecycle.core import csv_file, parquet_file, reading
from lifecycle.core.command import project_root
from lifecycle.core.params import load_params
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
    """Return the source that params.yaml names.

    Raises:
        StageError: there is none of that name.
    """
    if name not in SOURCES:
        raise StageError(f"params.yaml: data.source: {name} is none of {', '.join(SOURCES)}")
    return SOURCES[name]


def scan(name: str, folder: Path, scratch: Path) -> tuple[pl.LazyFrame, bool]:
    """Return the rows of a source's files, and whether text may stand for every type in them.

    Raises:
        StageError: there is no such source, or its files are none of its own.
    """
    found = find(name)
    try:
        return found.scan(folder, scratch, Reader()), found.is_text
    except ValueError as error:
        raise StageError(str(error)) from None


def main() -> None:
    """Bring the source's files into the project."""
    params = load_params()
    folder = project_root() / params.paths.source
    if folder.is_dir():
        return
    # Fetched beside its place, then moved: a crash leaves no half of it where ingest reads.
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        find(params.data.source).fetch(part)
    except ValueError as error:
        raise StageError(str(error)) from None
    move(part, folder)
