"""How far predicted probabilities are from what came true."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def curve(label: Array, probability: Array, bins: int) -> list[dict[str, float]]:
    """Return, for each bin of equally many rows, the mean probability and the observed share."""
    order = np.argsort(probability, kind="stable")
    return [
        {
            "rows": len(part),
            "predicted": float(probability[part].mean()),
            "observed": float(label[part].mean()),
        }
        for part in np.array_split(order, min(bins, len(order)))
    ]


def error(points: list[dict[str, float]]) -> float:
    """Return the expected calibration error, a share: Naeini et al., AAAI 2015, equation 3."""
    rows = sum(point["rows"] for point in points)
    gaps = (point["rows"] * abs(point["predicted"] - point["observed"]) for point in points)
    return float(sum(gaps) / rows)
