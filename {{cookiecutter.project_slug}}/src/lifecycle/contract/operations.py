"""The sections of params.yaml for what runs after the pipeline: service, rollout, monitoring."""

from __future__ import annotations

from typing import Annotated, Generic, Self, TypeVar

from pydantic import Field, model_validator

from lifecycle.contract.section import Count, Section, Share

Value = TypeVar("Value")


class ByEnvironment(Section, Generic[Value]):
    """A value for each environment that a service can run in."""

    development: Value
    staging: Value
    production: Value

    def of(self, environment: str) -> Value:
        """Return the value of `environment`."""
        found: Value = getattr(self, environment)
        return found


class Serve(Section):
    """Where the service listens, and what it accepts."""

    host: str
    ports: ByEnvironment[Annotated[int, Field(ge=1, le=65534)]]
    maximum_rows: Count
    maximum_body_bytes: Count
    timeout_seconds: Count
    start_timeout_seconds: Count


class Rollout(Section):
    """The steps from the version that serves to the next one, and what each step asks of it."""

    shadow_share: Share
    canary_shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...]
    step_seconds: ByEnvironment[Annotated[float, Field(ge=0)]]
    minimum_requests: Count
    maximum_error_share: Share
    maximum_milliseconds: Annotated[float, Field(gt=0)]
    maximum_latency_ratio: Annotated[float, Field(ge=1)]
    season_changed_decisions: Share
    season_prediction_shift: Share
    maximum_changed_decisions: Share
    maximum_prediction_shift: Annotated[float, Field(gt=0)]
    maximum_missing_increase: Share
    drain_seconds: Annotated[float, Field(ge=0)]


class PredictionLog(Section):
    """How predictions are written down, and for how long they are kept."""

    flush_seconds: Annotated[float, Field(gt=0, le=60)]
    rotate_bytes: Count
    rotate_seconds: Count
    keep_days: Count


class Retrain(Section):
    """How far back a retrained model looks."""

    window_months: Annotated[int, Field(ge=1)]


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
    minimum_labels: Count
    resamples: Annotated[int, Field(ge=100)]


class Objectives(Section):
    """What is promised of the service: how often it answers, and how fast."""

    availability: Share
    milliseconds: Annotated[float, Field(gt=0)]
    latency_share: Annotated[float, Field(gt=0, lt=1)]
    minimum_requests: Count


class Monitor(Section):
    """What is compared with the reference of the version that serves, and when it fires."""

    window_days: Count
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


class Replay(Section):
    """How real months are played through the service."""

    holdout_days: Count
    rows_per_request: Count
    connections: Count
