"""Where the rows come from: samples of tumours, three of them for each of the patients.

No row has a time. There are more of them from one fetch to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

SAMPLES = "samples.csv"
# So many there are, or as many as a file beside the source's folder says.
FIRST, MORE = 420, "samples_by_now"


class Reader(Protocol):
    """What the lifecycle reads with: the same values in every file are the same, or refused."""

    def csv(self, path: Path) -> pl.LazyFrame:
        """Scan a CSV file as text: types come from the schema."""


@dataclass(frozen=True)
class Source:
    """How to get a source's files, and how to read them."""

    fetch: Callable[[Path], None]
    scan: Callable[[Path, Path, Reader], pl.LazyFrame]
    # Whether text may stand for every type, as in CSV files; where not, text is no number.
    is_text: bool = False


def samples() -> pl.DataFrame:
    """Return every sample of the data set that comes with scikit-learn."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    names = [name.removeprefix("mean ") for name in found.feature_names]
    number = pl.int_range(pl.len())
    return pl.DataFrame(found.data, schema=names).select(
        number=number,
        patient=pl.format("P{}", number // 3),
        side=pl.when(number % 2 == 0).then(pl.lit("left")).otherwise(pl.lit("right")),
        radius="radius", texture="texture", smoothness="smoothness", symmetry="symmetry",
        malignant=pl.Series(found.target == 0),
    )  # fmt: skip


def fetch_samples(folder: Path) -> None:
    """Write the samples that there are by now."""
    said = folder.parent / MORE
    count = int(said.read_text(encoding="utf-8")) if said.is_file() else FIRST
    samples().head(count).write_csv(folder / SAMPLES)


def scan_samples(folder: Path, scratch: Path, read: Reader) -> pl.LazyFrame:
    """Read the samples."""
    return read.csv(folder / SAMPLES)


SOURCES = {"samples": Source(fetch_samples, scan_samples, is_text=True)}
