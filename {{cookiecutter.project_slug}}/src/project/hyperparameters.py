"""The hyper-parameters in params.yaml: what each may be, and what a search (make tune) tries."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of params.yaml: immutable, and strict about what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Train(Section):
    """The model's hyper-parameters; XGBoost's names are set in model.py."""

    seed: Annotated[int, Field(ge=0)]
    early_stopping_share: Annotated[float, Field(gt=0, lt=1)]
    early_stopping_rounds: Count
    maximum_trees: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    maximum_depth: Annotated[int, Field(ge=1, le=20)]
    minimum_child_weight: Annotated[float, Field(ge=0)]
    row_share: Annotated[float, Field(gt=0, le=1)]
    column_share: Annotated[float, Field(gt=0, le=1)]
    l2_regularisation: Annotated[float, Field(ge=0)]
    threads: Count
    # Of a target that counts something, or is skewed and never below nought: an error is the worse
    # the less was to be expected (Poisson's likelihood instead of squared errors).
    counts: bool = False


class Tune(Section):
    """The search: how long, and the range of each hyper-parameter."""

    trials: Count
    timeout_seconds: Count
    learning_rate: tuple[float, float]
    maximum_depth: tuple[int, int]
    minimum_child_weight: tuple[float, float]
    row_share: tuple[float, float]
    column_share: tuple[float, float]
