"""What is known of a column's values in bounded memory: how many there are, and if any repeats."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
# With so many of the smallest hashes the count is off by 1.6 % (one over the root of them).
KEPT = 4096
PARTS = 64
NONE: Hashes = np.empty(0, np.uint64)


class Count:
    """How many distinct values there are: exact while they are few, then estimated.

    The k smallest hashes say how dense they lie: Bar-Yossef et al., "Counting Distinct Elements in
    a Data Stream" (RANDOM 2002), algorithm 1; unbiased with k - 1 (Beyer et al., SIGMOD 2007).
    """

    def __init__(self) -> None:
        self._smallest = NONE

    def add(self, hashes: Hashes) -> None:
        """Take in the hashes of some values."""
        self._smallest = np.union1d(self._smallest, hashes)[:KEPT]

    @property
    def value(self) -> int:
        """The count."""
        if len(self._smallest) < KEPT:
            return len(self._smallest)
        return round((KEPT - 1) / (float(self._smallest[-1]) / 2**64))


class Repeats:
    """Whether a value comes twice in a column, exactly: by hashes on the disk.

    Two different values of ten million have the same hash once in half a million files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self.found = False

    def add(self, hashes: Hashes) -> None:
        """Take in the hashes of the next rows."""
        if self.found:
            return
        if len(np.unique(hashes)) < len(hashes):
            self.found = True
            return
        part = (hashes >> np.uint64(58)).astype(np.int64)
        ordered = hashes[np.argsort(part, kind="stable")]
        edges = np.searchsorted(np.sort(part), np.arange(PARTS + 1))
        for number in range(PARTS):
            with (self._folder / str(number)).open("ab") as handle:
                handle.write(ordered[edges[number] : edges[number + 1]].tobytes())

    def is_unique(self) -> bool:
        """Say that none did."""
        for path in self._folder.iterdir() if not self.found else ():
            hashes = np.fromfile(path, np.uint64)
            if len(np.unique(hashes)) < len(hashes):
                self.found = True
                break
        return not self.found


def hashes(values: pl.Series) -> Hashes:
    """Return a number of 64 bits for each value, the same for the same one."""
    return values.hash(seed=12).to_numpy()
