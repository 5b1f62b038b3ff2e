"""The parts of the training rows on which a model is fitted, and those on which it is asked.

Where there is time, rolling origins (Tashman, International Journal of Forecasting 16, 2000): the
newest half of the time in stretches, each predicted from all that came before it. Else folds of
whole blocks: no group is on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core import blocks

Rows = NDArray[np.intp]
# A variance between blocks takes two of them.
FEWEST = 2


def folds(frame: pl.DataFrame, schema: Schema, count: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Return which rows each fold is fitted on, and which it is asked about, both in their order.

    Raises:
        StageError: there are too few blocks for so many.
    """
    block = blocks.of_rows(frame, schema)
    known = np.unique(block)
    in_time = bool(schema.names("time"))
    begin = len(known) // 2 if in_time else 0
    if (len(known) - begin) // count < FEWEST:
        what = "days" if in_time else "groups"
        raise StageError(
            f"the training part has {len(known)} {what}, which is too little for {count} folds",
            "give ablate.folds less in params.yaml",
        )
    found = _rolling(known[begin:], count) if in_time else _dealt(known, count, seed)
    return [
        (np.flatnonzero(block < asked[0] if in_time else ~np.isin(block, asked)),
         np.flatnonzero(np.isin(block, asked)))
        for asked in found
    ]  # fmt: skip


def _rolling(days: NDArray[Any], count: int) -> Iterator[NDArray[Any]]:
    edges = [len(days) * place // count for place in range(count + 1)]
    return (days[begin:end] for begin, end in pairwise(edges))


def _dealt(groups: NDArray[Any], count: int, seed: int) -> Iterator[NDArray[Any]]:
    shuffled = np.random.default_rng(seed).permutation(groups)
    return (shuffled[place::count] for place in range(count))


def thinned(rows: Rows, most: int) -> Rows:
    """Return no more than so many of the rows, spread evenly over them."""
    picked = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    kept: Rows = rows[np.unique(picked)]
    return kept
