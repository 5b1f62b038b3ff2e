"""What one run of the whole lifecycle did, step by step: reports/lifecycle.json."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lifecycle.core.terminal import working


@dataclass
class Step:
    """One step of the lifecycle: what became of it, how long it took, what it made."""

    name: str
    status: str
    seconds: float
    made: str = ""


@dataclass
class Report:
    """What reports/lifecycle.json holds."""

    steps: list[Step] = field(default_factory=list)
    champion: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step; an error in it is recorded and goes on up."""
        print(f"--- {name}", flush=True)
        current, started = Step(name, "failed", 0.0), time.perf_counter()
        self.steps.append(current)
        try:
            with working(name):
                yield current
            current.status = "ran" if current.status == "failed" else current.status
        finally:
            current.seconds = round(time.perf_counter() - started, 2)


def describe(version: Any) -> dict[str, Any] | None:
    """Return what a report says of a registered version."""
    if version is None:
        return None
    return {
        "version": version.number,
        "git_commit": version.tags["git_commit"],
        "data_md5": version.tags["data_md5"],
        "model_md5": version.tags["model_md5"],
        "metrics": version.metrics,
    }
