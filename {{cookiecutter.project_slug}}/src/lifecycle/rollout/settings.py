"""The section of params.yaml for rollouts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lifecycle.contract.operations import ByEnvironment
from lifecycle.contract.section import Count, Section, Share


class RolloutSettings(Section):
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


SECTIONS = {"rollout": RolloutSettings}
