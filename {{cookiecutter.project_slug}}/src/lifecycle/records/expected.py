"""What a rollout expects of a candidate: the difference from live that the gate has measured.

It goes with the Bento (release/difference.json). It holds for the two models that were compared,
at the thresholds at which they decided, and for no others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.contract.files import read_json

FILE = "difference.json"


@dataclass(frozen=True)
class Figure:
    """A mean on the holdout, and its standard error."""

    mean: float
    error: float

    def limits(self, season: float, sample: float, errors: float) -> tuple[float, float]:
        """Return what lies no further from the mean than season and both samples' errors explain.

        Args:
            season: How much other days than those of the holdout may be otherwise.
            sample: The standard error of what is compared with it.
            errors: How many standard errors are still chance.
        """
        margin = season + errors * math.hypot(self.error, sample)
        return self.mean - margin, self.mean + margin


@dataclass(frozen=True)
class Expected:
    """Share of changed decisions, and shift of the mean prediction."""

    changed: Figure
    shift: Figure

    def as_dict(self) -> dict[str, float]:
        """Return what the audit log keeps."""
        return {"changed_decisions": self.changed.mean, "prediction_shift": self.shift.mean}


def sentence(found: dict[str, Any], name: str) -> str:
    """Return what was measured in a sentence; `name` is the champion's."""
    changed, shift = found["changed_decisions"], found["prediction_shift"]
    return (
        f"{changed['mean']:.1%} of the {found['rows']} rows held out are decided otherwise than "
        f"by {name}, the mean prediction is {shift['mean']:+.3f} away: its rollout expects that"
    )


def load(candidate: Path, live: Path) -> Expected | None:
    """Return what was measured of exactly these two release folders; None where nothing was."""
    if not (candidate / FILE).is_file():
        return None
    found = read_json(candidate / FILE)
    if found["champion"] != _identity(live) or found["challenger"] != _identity(candidate):
        return None
    return Expected(Figure(**found["changed_decisions"]), Figure(**found["prediction_shift"]))


def _identity(folder: Path) -> dict[str, Any]:
    release = read_json(folder / "release.json")
    return {key: release[key] for key in ("model_md5", "threshold", "tolerance")
            if key in release}  # fmt: skip
