"""The section of params.yaml for monitoring."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from lifecycle.contract.section import Count, Section, Share


class DriftRule(Section):
    """From which effect on a feature or the prediction has drifted."""

    minimum_effect: Annotated[float, Field(gt=0)]
    reference_factor: Annotated[float, Field(ge=1)]


class InvariantRule(Section):
    """What one window may differ in from what schema.yaml allows over months."""

    odds_factor: Annotated[float, Field(ge=1)]
    clock_factor: Annotated[float, Field(ge=1)]
    maximum_refused: Share


class QualityRule(Section):
    """How much worse than on the holdout the served predictions may be."""

    tolerance: Annotated[float, Field(ge=0)]
    resamples: Annotated[int, Field(ge=100)]


class Objectives(Section):
    """What is promised of the service: how often it answers, and how fast."""

    availability: Share
    milliseconds: Annotated[float, Field(gt=0)]
    latency_share: Annotated[float, Field(gt=0, lt=1)]
    minimum_requests: Count


class Monitor(Section):
    """What is compared with the reference of the version that serves, and when it fires."""

    minimum_rows: Count
    windows: Count
    firing_windows: Count
    sudden_factor: Annotated[float, Field(ge=1)]
    drift: DriftRule
    invariants: InvariantRule
    quality: QualityRule
    maximum_age_days: Count
    objectives: Objectives

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if self.firing_windows > self.windows:
            raise ValueError("firing_windows is more than windows: it would never fire")
        return self


SECTIONS = {"monitor": Monitor}
