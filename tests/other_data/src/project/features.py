"""The derived features, defined once: the pipeline and the service compute them by these lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from project.shared.seasons import HIGHEST


def derive(column: Callable[[str], Any], functions: Any) -> dict[str, Any]:
    """Return each derived feature as an expression over the request's columns."""
    day = functions.day_of_year(column("week"))
    return {"days_since_highest": (day - HIGHEST) % 366}
