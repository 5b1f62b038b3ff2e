"""The derived features, defined once: the pipeline and the service compute them by these lines.

Columns of schema.yaml with the role `feature` are features as they are; only what is derived from
the request's columns stands here, in operators (`+ - * / // %`) and what can be asked of a
datetime: `clock.hour(column)`, `clock.minute(column)` and `clock.weekday(column)` (Monday 1 to
Sunday 7). What is null stays null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def derive(column: Callable[[str], Any], clock: Any) -> dict[str, Any]:
    """Return each derived feature as an expression over the request's columns."""
    departure = column("scheduled_departure")
    departure_minute = clock.hour(departure) * 60 + clock.minute(departure)
    return {
        "departure_minute": departure_minute,
        "weekday": clock.weekday(departure),
        # Includes the difference in time zones: the schedule gives local times.
        "scheduled_minutes": (column("scheduled_arrival_minute") - departure_minute) % 1440,
        "dewpoint_spread": column("temperature") - column("dewpoint"),
    }
