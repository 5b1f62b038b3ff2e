"""By what a model decides: what it carries, and the threshold of params.yaml or of its version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import CARRIED, Deciding
from lifecycle.contract.section import first_mistake
from lifecycle.core.params import Params

if TYPE_CHECKING:
    from lifecycle.contract.model_file import Model

# What a version's tags have of it, where its task decides by that.
TAGS = ("threshold", "tolerance")


def decided_by(params: Params, schema: Schema, model: Model) -> Deciding:
    """Return by what a model decides here.

    Raises:
        StageError: it lacks what the task needs.
    """
    return of(model.fitted.get(CARRIED, {}), params.evaluate.threshold, schema)


def of(carried: Mapping[str, Any], threshold: float | None, schema: Schema) -> Deciding:
    """Return what is decided by, of what a model carries and a threshold.

    Raises:
        StageError: something is missing, or is none.
    """
    try:
        found = Deciding(threshold=threshold, **carried)
    except (ValidationError, TypeError) as error:
        said = first_mistake(error) if isinstance(error, ValidationError) else str(error)
        raise StageError(f"the model carries what nothing is decided by ({said})",
                         "run `make pipeline`") from None  # fmt: skip
    chosen.of(schema).require(found)
    return found


def tags(deciding: Deciding) -> dict[str, str]:
    """Return the tags of a version that decides so."""
    given = deciding.given()
    return {name: repr(given[name]) for name in TAGS if name in given}


def of_tags(found: Mapping[str, str]) -> Deciding:
    """Return what a version's tags tell of how it decides."""
    return Deciding(**{name: float(found[name]) for name in TAGS if name in found})
