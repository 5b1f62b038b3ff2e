"""Of the two packages called `project`, yours and that of the machinery's tests, one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

SIDES = [Path(__file__).parent / name for name in ("machinery", "project")]


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a session in which both would be imported."""
    asked = [Path(one.split("::")[0]).resolve() for one in config.args]
    both = [
        side
        for side in SIDES
        if any(path.is_relative_to(side) or side.is_relative_to(path) for path in asked)
    ]
    if len(both) > 1:
        raise pytest.UsageError(
            "tests/machinery has a `project` of its own: run `pytest tests/machinery` and "
            "`pytest tests/project` one after the other, as `make test` does"
        )
