"""Where the rows come from: carbon dioxide in the air of Mauna Loa, one row a week.

The question is whether it will be higher a week later. What a row has of other weeks stands in the
same file, one row above another.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

WEEKS = "co2.csv"
# Earlier moments no column may have.
FIRST = "1970"


class Reader(Protocol):
    """What the lifecycle reads with: the same values in every file are the same, or refused."""

    def csv(self, path: Path) -> pl.LazyFrame:
        """Scan a CSV file as text: types come from the schema."""

    def number(self, text: pl.Expr) -> pl.Expr:
        """Return the numbers of texts; null for others."""


@dataclass(frozen=True)
class Source:
    """How to get a source's files, and how to read them."""

    fetch: Callable[[Path], None]
    scan: Callable[[Path, Path, Reader], pl.LazyFrame]
    # Whether text may stand for every type, as in CSV files; where not, text is no number.
    is_text: bool = False


def fetch_weeks(folder: Path) -> None:
    """Copy the weeks from the installed package `statsmodels` (they are public domain)."""
    found = importlib.util.find_spec("statsmodels")
    if found is None or not found.submodule_search_locations:
        raise ValueError("the package statsmodels is not installed: run `make setup`")
    package = Path(next(iter(found.submodule_search_locations)))
    shutil.copyfile(package / "datasets" / "co2" / WEEKS, folder / WEEKS)


def scan_weeks(folder: Path, scratch: Path, read: Reader) -> pl.LazyFrame:
    """Read the weeks, each with how it differs from those before it and from the next one."""
    weeks = read.csv(folder / WEEKS).sort("date")
    level, day = read.number(pl.col("co2")), pl.col("date")
    month = day.str.slice(4, 2).cast(pl.Int64, strict=False)
    change = level.shift(-1) - level
    return weeks.select(
        week=pl.format("{}-{}-{}", day.str.head(4), day.str.slice(4, 2), day.str.tail(2)),
        quarter=pl.format("Q{}", (month + 2) // 3),
        change=level - level.shift(1),
        change_before=level.shift(1) - level.shift(2),
        change_in_four=level - level.shift(4),
        level=level,
        next_change=change,
        # Ten parts in a billion: as the file has it, with one decimal.
        rises=change > 0.05,
    ).filter(pl.col("week") >= FIRST)


SOURCES = {"mauna_loa": Source(fetch_weeks, scan_weeks, is_text=True)}
