"""The source that was named, opened: its rows lazily, and what `data.source` says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract.errors import StageError
from lifecycle.sources import detecting, scanning

# So a path of the project's own folder is written, whoever typed it from where.
HERE = "./"


@dataclass(frozen=True)
class Opened:
    """Rows, whether text stands for every kind in them, and the section `data.source`."""

    rows: pl.LazyFrame
    is_text: bool
    settings: dict[str, Any]


def source(place: str, root: Path, folder: Path, query: str | None = None) -> Opened:
    """Fetch a source into an empty folder, and find out how it is read.

    Args:
        place: A path, pattern or address, a database, or the variable that holds one of these.
        root: The project's folder, which paths are relative to.
        folder: An empty folder for its files.
        query: What a database is asked.

    Raises:
        StageError: it cannot be had, or is no table.
    """
    try:
        settings = detecting.detect(_from_root(place, root), folder, root, query)
        rows, is_text = scanning.scan(settings, folder)
        rows.collect_schema()
    except pl.exceptions.PolarsError as error:
        said = str(error).splitlines()[0]
        raise StageError(f"SOURCE={place} cannot be read: {said}") from None
    return Opened(rows, is_text, settings.model_dump(mode="json", exclude_defaults=True))


def _from_root(place: str, root: Path) -> str:
    """Return a path below the project's folder as one from there: it holds in every clone."""
    path = Path(place).expanduser()
    if "://" in place or not path.is_absolute():
        return place.removeprefix(HERE)
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
