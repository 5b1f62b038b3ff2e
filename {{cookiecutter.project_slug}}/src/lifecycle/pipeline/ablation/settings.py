"""The section of params.yaml for the ablation of features."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lifecycle.contract.section import Count, Section


class Ablate(Section):
    """How it is found what each feature earns, and which are left out together."""

    folds: Annotated[int, Field(ge=2)]
    refits: Count
    resamples: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    rows_per_fold: Annotated[int, Field(ge=100)]
    groups: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]


SECTIONS = {"ablate": Ablate}
