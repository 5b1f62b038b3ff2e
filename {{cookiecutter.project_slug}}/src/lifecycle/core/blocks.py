"""Which rows are neighbours: what bootstraps draw together, and errors are robust to."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract.columns import Schema


def of_rows(frame: pl.DataFrame, schema: Schema) -> NDArray[Any]:
    """Return the block of each row: rows of one day are alike."""
    if schema.names("time"):
        return frame[schema.time].dt.date().to_numpy()
    return np.arange(frame.height)
