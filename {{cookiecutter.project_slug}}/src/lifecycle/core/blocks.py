"""Which rows are neighbours: what bootstraps draw together, and errors are robust to."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract.columns import Schema


def of_rows(frame: pl.DataFrame, schema: Schema) -> NDArray[Any]:
    """Return the block of each row: rows of one day are alike, and those of one group.

    Without time it is the group; a row that has none, or where the frame has no such column (as
    the log of a private one), is a block of its own.
    """
    if schema.names("time"):
        return frame[schema.time].dt.date().to_numpy()
    own = np.arange(frame.height)
    if schema.group is None or schema.group not in frame.columns:
        return own
    code = frame[schema.group].rank("dense")
    return np.where(code.is_null().to_numpy(), -1 - own, code.fill_null(0).to_numpy())
