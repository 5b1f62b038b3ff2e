"""A number: the score is the value, with an interval that has held for so many rows before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from lifecycle.contract.columns import Column
from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome.outcome import Deciding, Part, Scores

# Two values closer than this, in standard deviations of what the model predicts, say the same: the
# tolerance.
SAME = 0.1
# Ends of buckets, in tolerances around the middle.
STEPS = (-40, -30, -20, -15, -10, -5, 0, 5, 10, 15, 20, 30, 40)


class Regression:
    """What is made of values."""

    score = Part("prediction", "float")
    watched = "prediction"
    decision_type = "float"
    counted: tuple[str, ...] = ()
    codes: Mapping[str, int] | None = None

    def __init__(self, target: Column) -> None:
        """Keep the target's column."""
        self._target = target

    def count(self, decisions: Sequence[Any]) -> Mapping[str, int]:
        """Count nothing: hardly two values are one."""
        return {}

    def require(self, deciding: Deciding) -> None:
        """Raise a `StageError` where the model carries no interval."""
        if deciding.interval is None or deciding.tolerance is None or deciding.middle is None:
            raise StageError("the model carries no interval of its values", "run `make pipeline`")

    def decide(self, scores: Scores, deciding: Deciding) -> list[Any]:
        """Return the values."""
        values: list[float] = scores.tolist()
        return values

    def figure(self, scores: Scores) -> Scores:
        """Return the values."""
        return scores

    def figures(self, values: Sequence[Any]) -> Sequence[float]:
        """Return the values."""
        return values

    def beside(self, scores: Scores, deciding: Deciding) -> dict[str, list[float]]:
        """Return both ends of the interval."""
        return self._ends(scores.tolist(), deciding)

    def _ends(self, values: Sequence[float], deciding: Deciding) -> dict[str, list[float]]:
        low, high = deciding.interval or (0.0, 0.0)
        return {"lower": [one + low for one in values], "upper": [one + high for one in values]}

    def answers(
        self, values: Sequence[Any], decisions: Sequence[Any], deciding: Deciding
    ) -> list[dict[str, Any]]:
        """Return value and interval of each row."""
        ends, target = self._ends(values, deciding), self._target.name
        rows = zip(decisions, ends["lower"], ends["upper"], strict=True)
        return [{target: value, "lower": low, "upper": high} for value, low, high in rows]

    def of_answer(self, answer: Mapping[str, Any]) -> Any:
        """Return the value."""
        return answer[self._target.name]

    def is_same(self, one: Any, other: Any, deciding: Deciding) -> bool:
        """Say whether two values lie no further apart than the tolerance."""
        return bool(abs(one - other) <= (deciding.tolerance or 0.0))

    def buckets(self, deciding: Deciding) -> tuple[float, ...]:
        """Return steps of the spread around the middle of what was predicted."""
        middle, tolerance = deciding.middle or 0.0, deciding.tolerance or 1.0
        return tuple(middle + one * tolerance for one in STEPS)

    def unit(self, deciding: Deciding) -> float:
        """Return the standard deviation of what was predicted: limits are given in that."""
        return (deciding.tolerance or 0.0) / SAME or 1.0

    def contributions(self, values: Scores, scores: Scores) -> Scores:
        """Return them as they are: to the value, before what links it to the trees' sum."""
        return values

    def fields(self) -> dict[str, Any]:
        """Return the value by the target's name, and its interval."""
        unit = f" in {self._target.unit}" if self._target.unit else ""
        return {
            self._target.name: (float, Field(description=f"What is expected{unit}.")),
            "lower": (float, Field(description="Lower end of the value's interval.")),
            "upper": (float, Field(description="Upper end of the value's interval.")),
        }
