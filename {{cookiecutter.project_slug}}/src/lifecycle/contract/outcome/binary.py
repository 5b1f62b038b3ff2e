"""Yes or no: the score is the probability of the positive value, a threshold decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import Field

from lifecycle.contract.columns import Column
from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome.outcome import Deciding, OfProbabilities, Part, Scores


class Binary(OfProbabilities):
    """What is made of probabilities."""

    score = Part("probability", "float")
    watched = "probability"

    def __init__(self, target: Column) -> None:
        """Keep the target's column."""
        self._target = target

    @cached_property
    def _values(self) -> tuple[Any, Any]:
        """The negative and the positive value."""
        positive = self._target.positive
        if positive is None:
            return False, True
        return next(one for one in self._target.categories if one != positive), positive

    @property
    def decision_type(self) -> str:
        """As the target's."""
        return self._target.type

    @cached_property
    def codes(self) -> Mapping[str, int] | None:
        """The positive text is 1, the other 0."""
        is_text = self._target.positive is not None
        return {value: code for code, value in enumerate(self._values)} if is_text else None

    @property
    def counted(self) -> tuple[str, ...]:
        """Both decisions, the positive one first."""
        is_text = self._target.positive is not None
        return tuple(one if is_text else str(one).lower() for one in reversed(self._values))

    def count(self, decisions: Sequence[Any]) -> Mapping[str, int]:
        """Return how many rows are positive and how many are not."""
        positive, negative = self.counted
        found = decisions.count(self._values[1])
        return {positive: found, negative: len(decisions) - found}

    def require(self, deciding: Deciding) -> None:
        """Raise a `StageError` where there is no threshold."""
        if deciding.threshold is None:
            raise StageError(f"{self._target.name} is decided by a threshold, and there is none",
                             "give evaluate.threshold in params.yaml")  # fmt: skip

    def decide(self, scores: Scores, deciding: Deciding) -> list[Any]:
        """Return the positive value where the probability reaches the threshold (in 32 bits)."""
        import numpy as np

        self.require(deciding)
        reached: list[bool] = (scores >= np.float32(deciding.threshold or 0)).tolist()
        if self._target.positive is None:
            return reached
        no, yes = self._values
        return [yes if one else no for one in reached]

    def figure(self, scores: Scores) -> Scores:
        """Return the probabilities."""
        return scores

    def figures(self, values: Sequence[Any]) -> Sequence[float]:
        """Return the probabilities."""
        return values

    def beside(self, scores: Scores, deciding: Deciding) -> dict[str, list[float]]:
        """Return nothing more."""
        return {}

    def answers(
        self, values: Sequence[Any], decisions: Sequence[Any], deciding: Deciding
    ) -> list[dict[str, Any]]:
        """Return probability and decision of each row."""
        pairs, target = zip(values, decisions, strict=True), self._target.name
        return [{"probability": probability, target: decision} for probability, decision in pairs]

    def of_answer(self, answer: Mapping[str, Any]) -> Any:
        """Return the probability."""
        return answer["probability"]

    def contributions(self, values: Scores, scores: Scores) -> Scores:
        """Return them as they are: to the log odds of the positive value."""
        return values

    def fields(self) -> dict[str, Any]:
        """Return the probability, and the decision by the target's name."""
        name, positive = self._target.name, self._target.positive
        of = name if positive is None else f"{name} being {positive}"
        said = "Whether the probability reaches the threshold."
        kind: Any = bool
        if positive is not None:
            kind, said = str, f"{positive} where the probability reaches the threshold."
        return {
            "probability": (float, Field(ge=0, le=1, description=f"Probability of {of}.")),
            name: (kind, Field(description=said)),
        }
