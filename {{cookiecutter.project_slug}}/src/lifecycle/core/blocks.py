"""Which rows are neighbours: what bootstraps draw together, and errors are robust to."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract.columns import Schema

DRAWS = 60


def of_rows(frame: pl.DataFrame, schema: Schema) -> NDArray[Any]:
    """Return the block of each row: rows of one day are alike, and those of one group.

    Without time it is the group; a row that has none, or where the frame has no such column (as
    the log of a private one), is a block of its own.
    """
    if schema.time is not None:
        return frame[schema.time].dt.date().to_numpy()
    own = np.arange(frame.height)
    if schema.group is None or schema.group not in frame.columns:
        return own
    code = frame[schema.group].rank("dense")
    return np.where(code.is_null().to_numpy(), -1 - own, code.fill_null(0).to_numpy())


def drawn(frame: pl.DataFrame, schema: Schema, rows: int) -> list[pl.DataFrame]:
    """Return parts of about so many rows, drawn with replacement, whole blocks at a time.

    They say what differs by chance alone where no time does.
    """
    generator = np.random.default_rng(0)
    _, index = np.unique(of_rows(frame, schema), return_inverse=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    found = []
    for _ in range(DRAWS):
        # As many blocks as hold so many rows on average.
        count = max(1, round(rows * len(members) / frame.height))
        picked = generator.integers(0, len(members), count)
        found.append(frame[np.concatenate([members[one] for one in picked])])
    return found
