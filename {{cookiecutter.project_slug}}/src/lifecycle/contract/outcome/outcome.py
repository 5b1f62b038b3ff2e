"""What the service, the batch and the rollout ask of a task, whichever it is.

A model's scores are an array of 32-bit floats: of one number a row, or of one a row and class. What
is made of them for clients, log and figures is said by one object a task, and asked by everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeAlias

from pydantic import Field

from lifecycle.contract.section import Section, Share

if TYPE_CHECKING:  # numpy takes longer to come than most commands that only ask which task it is
    from numpy.typing import NDArray

Scores: TypeAlias = "NDArray[Any]"
# Of the buckets in which probabilities are counted, the upper limits.
BUCKETS = tuple(round(0.05 * step, 2) for step in range(1, 21))
# The column of a decision where there is none of the target's name.
DECISION = "decision"
# Under this name a model carries, with what its features have learnt, what its task decides by.
CARRIED = "decided by"
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Deciding(Section):
    """What a task decides by beside the scores; each needs its own, and has no other."""

    # Binary: the probability from which on a row counts as positive.
    threshold: Share | None = None
    # Regression: what is added to a value for both ends of its interval; how far apart two values
    # may lie that say the same; and the mean of what the model predicts, for counting by it.
    interval: tuple[Finite, Finite] | None = None
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    middle: Finite | None = None

    def given(self) -> dict[str, Any]:
        """Return what is given, by its name."""
        return self.model_dump(exclude_none=True)


@dataclass(frozen=True)
class Part:
    """A field of what is answered for a row, or a column of the log and of scored files."""

    name: str
    # As in schema.yaml, and `floats` of one number a class.
    type: str


class Outcome(Protocol):
    """What one task makes of its scores."""

    @property
    def score(self) -> Part:
        """What each row of the log, and of a scored file, has of the scores."""

    @property
    def decision_type(self) -> str:
        """The type of a decision, as in schema.yaml."""

    @property
    def watched(self) -> str:
        """The column whose distribution is watched: the score's, or that of the decision."""

    @property
    def codes(self) -> Mapping[str, int] | None:
        """The target's number by its text, where it is text."""

    @property
    def counted(self) -> tuple[str, ...]:
        """What is counted of decisions, one by one; none where they are numbers."""

    def count(self, decisions: Sequence[Any]) -> Mapping[str, int]:
        """Return how many rows have each decision, by the names in `counted`."""

    def require(self, deciding: Deciding) -> None:
        """Raise a `StageError` where it lacks what this task decides by."""

    def decide(self, scores: Scores, deciding: Deciding) -> list[Any]:
        """Return what is decided on each row."""

    def figure(self, scores: Scores) -> Scores:
        """Return one number a row, whose mean and spread are watched."""

    def figures(self, values: Sequence[Any]) -> Sequence[float]:
        """Return the same of plain values: scores as lists, made once a request."""

    def beside(self, scores: Scores, deciding: Deciding) -> dict[str, list[float]]:
        """Return what else a scored file tells of each row, by the name of its column."""

    def answers(
        self, values: Sequence[Any], decisions: Sequence[Any], deciding: Deciding
    ) -> list[dict[str, Any]]:
        """Return what is answered for each row: figures, and the decision by the target's name.

        `values` are the scores as lists.
        """

    def of_answer(self, answer: Mapping[str, Any]) -> Any:
        """Return the score that an answer tells of a row: what `score` has of it."""

    def is_same(self, one: Any, other: Any, deciding: Deciding) -> bool:
        """Say whether two decisions come to the same."""

    def buckets(self, deciding: Deciding) -> tuple[float, ...]:
        """Return the upper limits of the buckets in which the figure is counted."""

    def unit(self, deciding: Deciding) -> float:
        """Return in what shifts of the figure are measured: limits are given in it."""

    def contributions(self, values: Scores, scores: Scores) -> Scores:
        """Return, of what a model says each feature adds, the row of what was decided."""

    def fields(self) -> dict[str, Any]:
        """Return the fields of an answer as pydantic makes a model of them."""


class OfProbabilities:
    """What outcomes have in common whose figure is a probability."""

    def is_same(self, one: Any, other: Any, deciding: Deciding) -> bool:
        """Say whether two decisions are one."""
        return bool(one == other)

    def buckets(self, deciding: Deciding) -> tuple[float, ...]:
        """Return twentieths."""
        return BUCKETS

    def unit(self, deciding: Deciding) -> float:
        """Return one: limits are probabilities."""
        return 1.0
