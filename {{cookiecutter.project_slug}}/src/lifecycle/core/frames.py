"""Frames as the model takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl


def arrays(frame: pl.DataFrame, names: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return columns as the model takes them: floats with NaN for null, categories as objects."""
    return {
        name: np.array(frame[name].to_list(), dtype=object)
        if frame[name].dtype == pl.String
        else frame[name].cast(pl.Float64).to_numpy()
        for name in names
    }
