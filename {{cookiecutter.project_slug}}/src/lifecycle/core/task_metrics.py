"""Whether params.yaml asks for what the schema's task has: known without measuring anything."""

from __future__ import annotations

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.metric_names import DRAWN, MEASURED, WITH_THRESHOLD
from lifecycle.core.params import Params


def require(params: Params, schema: Schema) -> None:
    """Let through parameters that ask the task for metrics that it has.

    Raises:
        StageError: the first thing that it has not, or lacks.
    """
    task, gate = schema.task, params.gate
    measured = MEASURED[task]
    drawn = tuple(name for name in measured if name in DRAWN)
    asked = [(f"gate.metrics.{name}", name, measured) for name in gate.metrics]
    asked += [
        ("gate.baselines.metric", gate.baselines.metric, measured),
        ("gate.slices.metric", gate.slices.metric, measured),
        ("gate.champion.metric", gate.champion.metric, drawn),
    ]
    for place, name, known in asked:
        if name not in known:
            raise StageError(f"params.yaml: {place}: {name} is no metric of a {task} task (the "
                             f"target {schema.target} makes it one)",
                             f"name one of {', '.join(known)}")  # fmt: skip
    given = params.evaluate.threshold is not None
    if given and task not in WITH_THRESHOLD:
        raise StageError(f"params.yaml: evaluate.threshold decides nothing in a {task} task",
                         "delete it")  # fmt: skip
    if not given and task in WITH_THRESHOLD:
        raise StageError("params.yaml: evaluate.threshold is missing",
                         "give the probability from which on a row counts as positive")  # fmt: skip
