"""The hyper-parameters in params.yaml: what each may be, and what a search (make tune) tries."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of params.yaml: immutable, and strict about what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Train(Section):
    """The model's hyper-parameters."""

    seed: Annotated[int, Field(ge=0)]
    newest_share: Annotated[float, Field(gt=0, lt=1)]
    inverse_regularisation: Annotated[float, Field(gt=0)]
    iterations: Count


class Tune(Section):
    """The search: how long, and the range of each hyper-parameter."""

    trials: Count
    timeout_seconds: Count
    inverse_regularisation: tuple[float, float]
    iterations: tuple[int, int]
