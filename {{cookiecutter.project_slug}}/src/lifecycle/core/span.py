"""The sections of params.yaml that say which rows are read, and which of them are held out."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from lifecycle.contract.errors import StageError
from lifecycle.contract.section import Count, Section
from lifecycle.core.source_settings import SourceSettings
from lifecycle.core.window import ALL, Unit, Window


class Data(Section):
    """Which source is read, and which time of it."""

    source: SourceSettings
    # None where the data has no time.
    window: Window | None = None
    # By which its rows are counted, and the window moves.
    unit: Unit = "month"

    @property
    def dates(self) -> Window:
        """The window, where there has to be one.

        Raises:
            StageError: there is none.
        """
        if self.window is None:
            raise StageError("params.yaml has no data.window")
        return self.window

    @property
    def span(self) -> str:
        """What is read, in words."""
        return str(self.window or ALL)


class Prepare(Section):
    """How much is held out: of the newest time, or of the rows where the data has no time."""

    holdout_days: Count | None = None
    holdout_share: Annotated[float | None, Field(gt=0, lt=1)] = None
    # Without time: another number holds out other rows.
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.holdout_days is None) == (self.holdout_share is None):
            raise ValueError("give holdout_days, or holdout_share where the data has no time")
        return self
