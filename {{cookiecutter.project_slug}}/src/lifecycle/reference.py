"""The reference profile: how each feature and the prediction are spread where the model was judged.

Monitoring compares served data with it. (ML Test Score, Monitoring 2 and 3.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


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
    columns: dict[str, Array], probability: Array, label: Array, bins: int
) -> dict[str, Any]:
    """Return the reference profile of features, predictions and label (arrays of one length)."""
    return {
        "rows": len(label),
        "target_share": float(label.mean()),
        "prediction": numbers(probability.astype(np.float64), bins),
        "features": {
            name: categories(values) if values.dtype == object else numbers(values, bins)
            for name, values in columns.items()
        },
    }
