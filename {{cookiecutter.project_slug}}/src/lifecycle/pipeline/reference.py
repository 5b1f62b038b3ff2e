"""The reference: how features and predictions are spread where the model was made and judged.

The profile is a summary of the holdout; the sample has rows of train and holdout, with which
monitoring compares what is served. (ML Test Score, Monitoring 2 and 3.)
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.files import replacing
from lifecycle.contract.outcome import chosen

Array = NDArray[Any]
SAMPLE_ROWS = 20_000
FEATURE = "feature."


def numbers(values: Array, bins: int) -> dict[str, Any]:
    """Return the share of rows between quantile edges, the share missing, and the moments."""
    present = values[~np.isnan(values)]
    missing = 1 - len(present) / len(values)
    if not len(present):
        return {"kind": "number", "missing": missing, "edges": [], "shares": []}
    edges = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)))
    # The outer bins are open: what lies beyond the reference still falls into one.
    inner = edges[1:-1]
    counts = np.bincount(np.searchsorted(inner, present, side="right"), minlength=len(inner) + 1)
    return {
        "kind": "number",
        "missing": missing,
        "edges": [float(edge) for edge in inner],
        "shares": [float(share) for share in counts / len(present)],
        "mean": float(present.mean()),
        "standard_deviation": float(present.std()),
        "minimum": float(present.min()),
        "maximum": float(present.max()),
    }


def categories(values: Array) -> dict[str, Any]:
    """Return the share of each category among the rows that have one, and the share missing."""
    present = [value for value in values if value is not None]
    names, counts = np.unique(np.array(present, dtype=str), return_counts=True)
    return {
        "kind": "category",
        "missing": 1 - len(present) / len(values),
        "shares": {str(n): float(c / len(present)) for n, c in zip(names, counts, strict=True)},
    }


def profile(
    columns: dict[str, Array],
    figure: Array,
    label: Array,
    bins: int,
    private: Collection[str] = (),
) -> dict[str, Any]:
    """Return the reference profile of features, figure predicted and label (of one length).

    Its edges and categories are values of rows: of features in `private` it has none.
    """
    return {
        "rows": len(label),
        "target_share": float(label.mean()),
        "prediction": numbers(figure.astype(np.float64), bins),
        "features": {
            name: {"kind": "private"}
            if name in private
            else categories(values)
            if values.dtype == object
            else numbers(values, bins)
            for name, values in columns.items()
        },
    }


def sample(rows: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return rows spread evenly over both parts: request, features, score, target, part."""
    outcome = chosen.of(schema)
    picked = np.linspace(0, rows.height - 1, min(SAMPLE_ROWS, rows.height)).astype(int)
    return rows[np.unique(picked)].select(
        *schema.request,
        *(pl.col(name).alias(FEATURE + name) for name in features.names(schema)),
        *dict.fromkeys((outcome.score.name, outcome.watched)),
        schema.target,
        "part",
    )


def write_sample(path: Path, rows: pl.DataFrame, model_md5: str) -> None:
    """Write the sample; the file says of which model it is."""
    with replacing(path) as temporary:
        rows.write_parquet(temporary, metadata={"model_md5": model_md5})
