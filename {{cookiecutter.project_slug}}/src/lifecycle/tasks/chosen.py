"""Which task a schema's target has: said by the target's column alone."""

from __future__ import annotations

from lifecycle.contract.columns import Schema
from lifecycle.core import task_metrics
from lifecycle.core.params import Params
from lifecycle.tasks.binary import Binary
from lifecycle.tasks.multiclass import Multiclass
from lifecycle.tasks.regression import Regression
from lifecycle.tasks.task import Task

TASKS: dict[str, Task] = {
    "binary": Binary(), "multiclass": Multiclass(), "regression": Regression()
}  # fmt: skip


def of(schema: Schema) -> Task:
    """Return the schema's task."""
    return TASKS[schema.task]


def require(params: Params, schema: Schema) -> Task:
    """Return the schema's task, where params.yaml asks for nothing that it has not.

    Raises:
        StageError: the first thing that it has not.
    """
    task_metrics.require(params, schema)
    return of(schema)
