"""The derived features, defined once: here there are none, the columns are given as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def derive(column: Callable[[str], Any], functions: Any) -> dict[str, Any]:
    """Return each derived feature as an expression over the request's columns."""
    return {}
