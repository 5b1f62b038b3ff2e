"""params.yaml, parsed once into frozen models that forbid unknown keys."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from lifecycle.contract.operations import PredictionLog, Serve
from lifecycle.contract.section import Count, Section, Share, parse
from lifecycle.core import parts
from lifecycle.core.metric_names import SIGN, DrawnMetric, Metric
from lifecycle.core.span import Data, Prepare
from project.hyperparameters import Train, Tune

Kind = TypeVar("Kind", bound=Section)
# A part that is deleted takes its section along: what nobody reads would be changed in vain.
NO_PART = ": no part that is here has such a section, so delete it (README.md, Parts)"


class Project(Section):
    """The name that the registered model, the Bento and the experiment carry."""

    name: str = Field(min_length=1)


class Paths(Section):
    """Every file that one stage hands to another, relative to the project's folder."""

    source: Path
    snapshot: Path
    train: Path
    holdout: Path
    model: Path
    predictions: Path
    reference_sample: Path
    labels: Path
    ingest_report: Path
    validation_report: Path
    data_docs: Path
    prepare_report: Path
    training_report: Path
    metrics: Path
    evaluation_report: Path
    reference_profile: Path
    plots: Path
    gate_report: Path
    monitor_report: Path
    replay_report: Path
    site: Path
    lifecycle_report: Path


class Validate(Section):
    """Limits of the data checks that no single column carries."""

    maximum_row_count_change: Share
    example_rows: Annotated[int, Field(ge=0)]


class Evaluate(Section):
    """What is measured on the holdout, and how long the windows of a reference are."""

    threshold: Share
    window_days: Count
    minimum_window_labels: Count
    calibration_bins: Count
    slices: tuple[str, ...]
    minimum_slice_rows: Count
    attribution_rows: Count
    profile_bins: Count


class Limits(Section):
    """A floor, a ceiling, or both."""

    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("give a minimum, a maximum, or both")
        return self

    def holds(self, value: float) -> bool:
        """Return whether a number lies within."""
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return low <= value <= high

    def __str__(self) -> str:
        ends = ((">=", self.minimum), ("<=", self.maximum))
        return " and ".join(f"{sign} {end}" for sign, end in ends if end is not None)


class BaselineRule(Section):
    """By how much the model must beat each baseline."""

    metric: Metric
    minimum_gain: float


class ChampionRule(Section):
    """How the challenger is compared with the champion on the same holdout."""

    metric: DrawnMetric
    tolerance: Annotated[float, Field(ge=0)]
    resamples: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0, lt=1)]


class SliceRule(Limits):
    """What every slice must hold: at least a floor, or of a loss a ceiling."""

    metric: Metric

    @model_validator(mode="after")
    def _limits_the_worst(self) -> Self:
        end, better = ("minimum", "higher") if SIGN[self.metric] > 0 else ("maximum", "lower")
        if getattr(self, end) is None:
            raise ValueError(f"{self.metric} is better when it is {better}: give a {end}")
        return self


class DisparityRule(Section):
    """The largest difference allowed between the groups of a sensitive column."""

    maximum: Share


class LatencyRule(Section):
    """The longest median time that one row may take in the model."""

    maximum_milliseconds: Annotated[float, Field(gt=0)]


class SizeRule(Section):
    """The largest model file."""

    maximum_megabytes: Annotated[float, Field(gt=0)]


class Gate(Section):
    """Every rule that a challenger must pass; none can be left out."""

    metrics: dict[Metric, Limits] = Field(min_length=1)
    baselines: BaselineRule
    champion: ChampionRule
    slices: SliceRule
    disparity: DisparityRule
    latency: LatencyRule
    size: SizeRule


class Batch(Section):
    """How many rows are in memory at once."""

    rows_per_chunk: Count


class Params(Section):
    """The sections of params.yaml that the pipeline, the release and the service stand on."""

    project: Project
    paths: Paths
    data: Data
    validate_: Validate = Field(alias="validate")
    prepare: Prepare
    train: Train
    tune: Tune
    evaluate: Evaluate
    gate: Gate
    serve: Serve
    prediction_log: PredictionLog
    batch: Batch

    def part(self, kind: type[Kind]) -> Kind:
        """Return the section that is described by `kind`, of a part of the lifecycle."""
        return next(one for one in self.__dict__.values() if isinstance(one, kind))


class Measured(BaseModel):
    """What of `evaluate` a verdict depends on."""

    model_config = ConfigDict(from_attributes=True)

    slices: tuple[str, ...]
    threshold: Share


class Judged(BaseModel):
    """What a verdict was given by, as params.yaml of any commit has it: the rest may be another."""

    model_config = ConfigDict(from_attributes=True)

    data: Data
    evaluate: Measured
    gate: Gate


@cache
def model() -> type[Params]:
    """Return `Params` with the sections of the parts that are there: their settings.SECTIONS."""
    found = [module.SECTIONS for _, module in parts.offering("settings")]
    fields: dict[str, Any] = {
        key: (section, ...) for sections in found for key, section in sections.items()
    }
    return create_model("Params", __base__=Params, **fields)


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read params.yaml; see `parse` for what is raised."""
    params = parse(model(), path, NO_PART)
    assert isinstance(params, Params)
    return params
