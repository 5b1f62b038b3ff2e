"""Which task a schema's target has: said by the target's column alone."""

from __future__ import annotations

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
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
    task, gate = of(schema), params.gate
    asked = {f"gate.metrics.{name}": name for name in gate.metrics}
    asked |= {"gate.baselines.metric": gate.baselines.metric,
              "gate.slices.metric": gate.slices.metric}  # fmt: skip
    drawn = {"gate.champion.metric": gate.champion.metric}
    for known, places in ((task.metrics, asked), (tuple(task.drawn), drawn)):
        for place, name in places.items():
            if name not in known:
                raise StageError(f"params.yaml: {place}: {name} is no metric of a {task.name} task "
                                 f"(the target {schema.target} makes it one)",
                                 f"name one of {', '.join(known)}")  # fmt: skip
    if params.evaluate.threshold is not None and not task.has_threshold:
        raise StageError(f"params.yaml: evaluate.threshold decides nothing in a {task.name} task",
                         "delete it")  # fmt: skip
    if params.evaluate.threshold is None and task.has_threshold:
        raise StageError("params.yaml: evaluate.threshold is missing",
                         "give the probability from which on a row counts as positive")  # fmt: skip
    return task
