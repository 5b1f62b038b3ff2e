"""One of several classes: the scores are their probabilities, the largest decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from lifecycle.contract.columns import Column
from lifecycle.contract.outcome.outcome import DECISION, Deciding, OfProbabilities, Part, Scores


class Multiclass(OfProbabilities):
    """What is made of a probability for each class, in the order of schema.yaml."""

    score = Part("probabilities", "floats")
    watched = DECISION
    decision_type = "category"

    def __init__(self, target: Column) -> None:
        """Keep the target's column."""
        self._target = target

    @cached_property
    def codes(self) -> Mapping[str, int] | None:
        """The number of each class, which is its place in schema.yaml."""
        return {value: code for code, value in enumerate(self._target.categories)}

    @property
    def counted(self) -> tuple[str, ...]:
        """Every class."""
        return self._target.categories

    def count(self, decisions: Sequence[Any]) -> Mapping[str, int]:
        """Return how many rows are of each class."""
        return Counter(decisions)

    def require(self, deciding: Deciding) -> None:
        """Need nothing: the largest probability decides."""

    def decide(self, scores: Scores, deciding: Deciding) -> list[Any]:
        """Return the most probable class of each row; of several the first."""
        return [self._target.categories[code] for code in scores.argmax(axis=1).tolist()]

    def figure(self, scores: Scores) -> Scores:
        """Return the probability of what is decided."""
        largest: Scores = scores.max(axis=1)
        return largest

    def figures(self, values: Sequence[Any]) -> Sequence[float]:
        """Return the probability of what is decided."""
        return [max(row) for row in values]

    def beside(self, scores: Scores, deciding: Deciding) -> dict[str, list[float]]:
        """Return the probability of what is decided."""
        return {"probability": scores.max(axis=1).tolist()}

    def answers(
        self, values: Sequence[Any], decisions: Sequence[Any], deciding: Deciding
    ) -> list[dict[str, Any]]:
        """Return each class's probability by its name, the largest, and the class."""
        classes, target = self._target.categories, self._target.name
        return [
            {"probability": max(row), "probabilities": dict(zip(classes, row, strict=True)),
             target: decision}
            for row, decision in zip(values, decisions, strict=True)
        ]  # fmt: skip

    def of_answer(self, answer: Mapping[str, Any]) -> Any:
        """Return each class's probability, in their order."""
        return [answer["probabilities"][name] for name in self._target.categories]

    def contributions(self, values: Scores, scores: Scores) -> Scores:
        """Return those of the class that is decided (rows x features, the last is the bias)."""
        import numpy as np

        picked: Scores = values[np.arange(len(values)), scores.argmax(axis=1)]
        return picked

    def fields(self) -> dict[str, Any]:
        """Return the probabilities, and the class by the target's name."""
        names = self._target.categories
        classes: Any = Literal[names]
        one = {"type": "number", "minimum": 0, "maximum": 1}
        shape = {"type": "object", "properties": dict.fromkeys(names, one),
                 "required": list(names), "additionalProperties": False}  # fmt: skip
        shares: Any = Annotated[dict[str, float], WithJsonSchema(shape)]
        share = Field(ge=0, le=1, description="Probability of the class that is decided.")
        each = "Probability of each class."
        return {
            "probability": (float, share),
            "probabilities": (shares, Field(description=each)),
            self._target.name: (classes, Field(description="The most probable class.")),
        }
