"""How tests wait for what comes by itself."""

from __future__ import annotations

import time
from typing import Any


def wait_for(condition: Any, seconds: float = 5) -> None:
    """Wait until a condition holds; it has to in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
