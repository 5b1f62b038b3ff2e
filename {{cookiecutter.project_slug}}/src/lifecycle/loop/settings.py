"""The section of params.yaml for retraining."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lifecycle.contract.section import Section


class Retrain(Section):
    """How far back a retrained model looks."""

    window_months: Annotated[int, Field(ge=1)]


SECTIONS = {"retrain": Retrain}
