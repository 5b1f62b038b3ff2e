"""The sections of params.yaml for retraining, and for the replay of months."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lifecycle.contract.section import Count, Section


class Retrain(Section):
    """How far back a retrained model looks."""

    window_months: Annotated[int, Field(ge=1)]


class Replay(Section):
    """How real months are played through the service."""

    holdout_days: Count
    rows_per_request: Count
    connections: Count


SECTIONS = {"retrain": Retrain, "replay": Replay}
