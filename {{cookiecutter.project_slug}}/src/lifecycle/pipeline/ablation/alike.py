"""Which features say nearly the same: each of them alone is unproven, whatever they earn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ROWS = 5_000
# Of ranks: one value nearly follows from the other.
NEARLY = 0.95


def alike(columns: Mapping[str, Array]) -> dict[str, list[str]]:
    """Return, for each feature, the others whose order of values, or whose groups, are its own."""
    total = len(next(iter(columns.values())))
    picked = np.unique(np.linspace(0, total - 1, min(ROWS, total)).astype(int))
    known = {name: values[picked] for name, values in columns.items()}
    return {
        name: [other for other in known if other != name and _are(known[name], known[other])]
        for name in known
    }


def _are(left: Array, right: Array) -> bool:
    if left.dtype != right.dtype:
        return False
    if left.dtype == object:
        pairs = len(set(zip(left, right, strict=True)))
        return pairs == len(set(left)) == len(set(right)) > 1
    both = ~np.isnan(left) & ~np.isnan(right)
    # What is missing on many other rows says something else by that.
    if both.sum() < NEARLY * max((~np.isnan(part)).sum() for part in (left, right)):
        return False
    ranks = np.array(
        [np.unique(part[both], return_inverse=True)[1] for part in (left, right)], float
    )
    if not both.any() or np.ptp(ranks, axis=1).min() == 0:
        return False
    return bool(abs(np.corrcoef(ranks)[0, 1]) >= NEARLY)
