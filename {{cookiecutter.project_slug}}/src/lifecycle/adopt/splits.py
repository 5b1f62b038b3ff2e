"""Which rows are held out to measure on, several times: as prepare will hold rows out."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.adopt.trial import Problem

Array = NDArray[Any]
HELD_OUT = 0.2
# By time the newest rows, with some days more or less; else other rows each time, and of few rows
# more often, as there the draw decides more.
TIMES = ((1_000, 20), (5_000, 12), (sys.maxsize, 8))


def of_rows(
    rows: pl.DataFrame, target: Problem, time: str | None, group: str | None
) -> list[tuple[Array, Array]]:
    """Return the numbers of the rows to train on and of those held out, for each time.

    The rows to train on are in the order that `fit` is given them in: of time, or of the draw.

    Args:
        rows: All rows; where there is a time, in its order.
        target: What is predicted.
        time: The column by which the newest are held out.
        group: Whose rows stay together, where there is no time.
    """
    times = next(times for most, times in TIMES if rows.height <= most)
    drawn = [_one(rows, target, time, group, number, times) for number in range(times)]
    return [(rest, out) for rest, out in drawn if _is_enough(target, rest, out)]


def _one(
    rows: pl.DataFrame, target: Problem, time: str | None, group: str | None, number: int,
    times: int,
) -> tuple[Array, Array]:  # fmt: skip
    count = rows.height
    if time:
        cut = int(count * (1 - HELD_OUT * (0.8 + 0.4 * number / (times - 1))))
        return np.arange(cut), np.arange(cut, count)
    random = np.random.default_rng(number)
    place, is_out = random.permutation(count), np.zeros(count, bool)
    if group:
        code = rows[group].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
        of_group = random.permutation(int(code.max()) + 1)
        place = np.lexsort((place, of_group[code])).argsort()
        sizes = np.bincount(of_group[code])
        first = int(np.abs(np.cumsum(sizes)[:-1] - HELD_OUT * count).argmin())
        is_out = of_group[code] <= first
    elif target.classes:
        for one in range(target.classes):
            own = np.flatnonzero(target.label == one)
            own = own[np.argsort(place[own])]
            is_out[own[: min(max(1, round(HELD_OUT * len(own))), len(own) - 1)]] = True
    else:
        is_out = place < round(HELD_OUT * count)
    ordered = np.argsort(place)
    return ordered[~is_out[ordered]], ordered[is_out[ordered]]


def _is_enough(target: Problem, rest: Array, out: Array) -> bool:
    if min(len(rest), len(out)) < 8:
        return False
    return all(target.task.is_judgeable(target.label[part]) for part in (rest, out))
