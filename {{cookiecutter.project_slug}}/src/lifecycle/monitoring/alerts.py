"""What monitoring can say: the kinds of alerts, what to do about each, and when a series fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lifecycle.core.runbook import see
from lifecycle.monitoring.settings import Monitor

# Each kind is a heading of the runbook with the whole answer; this is its first step.
WHAT_TO_DO = {
    "invariant": "The data is broken before it reaches the service: ask who sends this column.",
    "drift": "The world has moved: look at quality, then retrain.",
    "prediction drift": "Look at which features drift with it, then at quality when labels come.",
    "quality": "Retrain; the gate lets only a better model through.",
    "skew": "Service and training compute this feature differently: `make rollback`, then fix.",
    "stale": "Retrain: the model's data is older than monitor.maximum_age_days.",
    "refusals": "Clients send what schema.yaml does not allow: tell them, or change the schema.",
    "availability": "Look at `make status` and at the logs it names; `make rollback` if it is new.",
    "lost log": "Look at the disk and at the worker's log: what is not logged nobody watches.",
    "latency": "Compare `make status` with the rollout's figures; `make rollback` if it is new.",
}  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """One thing that fires: its kind, the column or metric, and what was measured."""

    kind: str
    subject: str
    message: str
    windows: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the alert as it stands in monitor.json; `see` is its paragraph of the runbook."""
        return {**asdict(self), "windows": list(self.windows), "see": see(self.kind)}


def fires(flags: Sequence[bool], rule: Monitor, *, sudden: bool = False) -> bool:
    """Say whether a series of windows (oldest first) fires: N of the last M, the latest among them.

    `sudden`: the latest is so far beyond its limit that it needs no second window.
    """
    if not flags or not flags[-1]:
        return False
    return sudden or sum(flags[-rule.windows :]) >= rule.firing_windows
