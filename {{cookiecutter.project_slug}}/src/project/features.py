"""The derived features, defined once: the pipeline and the service compute them by these lines.

Columns of schema.yaml with the role `feature` are features as they are; only what is derived from
the request's columns stands here: in operators (`+ - * / // %`, comparisons, `& | ~`) and
functions, of which docs/features.md has the list. What is null stays null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def derive(column: Callable[[str], Any], functions: Any) -> dict[str, Any]:
    """Return each derived feature as an expression over the request's columns."""
    departure = column("scheduled_departure")
    departure_minute = functions.hour(departure) * 60 + functions.minute(departure)
    return {
        "departure_minute": departure_minute,
        "weekday": functions.weekday(departure),
        # Includes the difference in time zones: the schedule gives local times.
        "scheduled_minutes": (column("scheduled_arrival_minute") - departure_minute) % 1440,
        "dewpoint_spread": column("temperature") - column("dewpoint"),
    }
