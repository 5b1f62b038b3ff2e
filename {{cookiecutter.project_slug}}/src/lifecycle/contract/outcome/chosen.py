"""Which outcome a schema's target has: said by the target's column alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.contract.outcome.binary import Binary
from lifecycle.contract.outcome.multiclass import Multiclass
from lifecycle.contract.outcome.outcome import Outcome
from lifecycle.contract.outcome.regression import Regression

OUTCOMES: dict[str, Callable[[Column], Outcome]] = {
    "binary": Binary,
    "multiclass": Multiclass,
    "regression": Regression,
}


def of(schema: Schema) -> Outcome:
    """Return what the schema's task makes of its scores."""
    return OUTCOMES[schema.task](schema[schema.target])


def of_release(folder: Path) -> Outcome:
    """Return that of a release folder."""
    return of(load_schema(folder / "schema.yaml"))
