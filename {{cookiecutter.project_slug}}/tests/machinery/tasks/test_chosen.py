"""params.yaml asks for nothing that the schema's task has not."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.metric_names import DRAWN, RATES, SIGN
from lifecycle.core.params import Params
from lifecycle.tasks import chosen


def asking(params: Params, **changed: Any) -> Params:
    """Return parameters with other metrics, or another threshold."""
    found = params.model_dump(by_alias=True)
    for place, value in changed.items():
        section, key, *rest = place.split("__")
        inner = found[section][key] if rest else found[section]
        inner[rest[0] if rest else key] = value
    return type(params).model_validate(found)


def test_the_example_asks_for_what_there_is(real_params: Params, schema: Schema) -> None:
    assert chosen.require(real_params, schema).name == "binary"


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("gate__champion__metric", "r2", "gate.champion.metric: r2 is no metric of a binary task"),
        ("gate__slices", {"metric": "accuracy", "minimum": 0.5}, "gate.slices.metric: accuracy"),
        ("gate__baselines__metric", "macro_f1", "gate.baselines.metric: macro_f1"),
        ("gate__metrics", {"r2": {"minimum": 0}}, "gate.metrics.r2: r2"),
        ("evaluate__threshold", None, "evaluate.threshold is missing"),
    ],
)
def test_what_the_task_has_not_is_named(
    real_params: Params, schema: Schema, place: str, value: Any, said: str
) -> None:
    with pytest.raises(StageError) as caught:
        chosen.require(asking(real_params, **{place: value}), schema)
    assert said in str(caught.value)


def test_a_threshold_decides_a_yes_or_no_alone(real_params: Params, schema: Schema) -> None:
    columns = [one.model_dump(exclude_defaults=True) for one in schema.columns]
    (target,) = (one for one in columns if "target" in one["roles"])
    target["type"] = "float"
    metrics = {
        "gate__metrics": {"r2": {"minimum": 0}}, "gate__baselines__metric": "r2",
        "gate__champion__metric": "r2", "gate__slices": {"metric": "r2", "minimum": 0},
    }  # fmt: skip
    number = Schema.model_validate({"columns": columns})
    with pytest.raises(StageError, match="threshold decides nothing in a regression task"):
        chosen.require(asking(real_params, **metrics), number)
    right = asking(real_params, **metrics, evaluate__threshold=None)
    assert chosen.require(right, number).name == "regression"


def test_the_tables_of_metrics_are_those_of_the_tasks() -> None:
    tasks = chosen.TASKS.values()
    assert {name for one in tasks for name in one.metrics} == set(SIGN)
    assert {name for one in tasks for name in one.drawn} == set(DRAWN)
    assert {one.name: one.rates for one in tasks} == RATES
    for one in tasks:
        assert {one.loss, *one.shown} <= set(one.drawn) <= set(one.metrics)
