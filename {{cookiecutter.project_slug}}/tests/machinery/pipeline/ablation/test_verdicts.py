"""On planted data each verdict is the right one, and every promise about it can be broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features as evaluated
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.pipeline.ablation import ablate, intervals, refits
from lifecycle.pipeline.ablation.folds import folds, thinned
from project import features as definition
from project import model

DAYS, A_DAY = 60, 80
FEATURES = ("signal", "noise", "one", "same", "turns")
# The newest half of 60 days in three stretches of ten, each predicted from all before it.
ABLATE = {
    "folds": 3, "refits": 2, "resamples": 100, "confidence": 0.95, "maximum_rows": 100_000,
    "groups": {"pair": ["one", "same"], "worthless": ["noise"]},
}  # fmt: skip


def planted(rows_a_day: int = A_DAY, *, seed: int = 1) -> pl.DataFrame:
    """One column carries the target, one is noise, two are the same, one turns round at the end."""
    draw = np.random.default_rng(seed)
    count = DAYS * rows_a_day
    day = np.repeat(np.arange(DAYS), rows_a_day)
    signal, one, noise, other = (draw.normal(size=count) for _ in range(4))
    late = (1.5 * signal + 1.2 * one + draw.logistic(size=count)) > 0
    # With the target in the older half, against it in the newest.
    with_it = np.where(day < DAYS // 2, 0.8, -0.8)
    turns = with_it * (late - 0.5) + other
    moments = [datetime(2020, 1, 1) + timedelta(days=int(one), seconds=i % rows_a_day)
               for i, one in enumerate(day)]  # fmt: skip
    return pl.DataFrame({
        "at": moments, "number": np.arange(count), "signal": signal, "noise": noise, "one": one,
        "same": one, "turns": turns, "late": late,
    })  # fmt: skip


@pytest.fixture
def small(params: Params) -> Callable[..., Params]:
    """Make parameters with an ablation of the planted columns."""

    def make(**changes: Any) -> Params:
        whole = params.model_dump(mode="json", by_alias=True)
        whole["ablate"] = {**ABLATE, **changes}
        return type(params).model_validate(whole)

    return make


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> Schema:
    """The schema of the planted columns, without derived features."""
    monkeypatch.setattr(definition, "derive", lambda *_: {})
    described = {name: {"type": "float", "roles": ["feature"]} for name in FEATURES}
    described |= {"at": {"type": "datetime", "roles": ["time"]},
                  "number": {"type": "integer", "roles": ["key"]},
                  "late": {"type": "boolean", "roles": ["target"]}}  # fmt: skip
    return Schema.model_validate({
        "columns": {name: {**one, "description": name} for name, one in described.items()}
    })  # fmt: skip


def told(report: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in report["features"] + report["groups"]}


def same(report: dict[str, Any]) -> dict[str, Any]:
    """Leave out what it took."""
    entries = [{**one, "microseconds": 0} for one in report["features"] + report["groups"]]
    return {**report, "seconds": 0, "features": entries, "groups": []}


def test_each_verdict_is_that_of_what_was_planted(
    columns: Schema, small: Callable[..., Params]
) -> None:
    report = ablate.measure(planted(), small(), columns)
    assert told(report) == {
        "signal": "earns", "noise": "unproven", "turns": "harms",
        # Each alone does what the other does; both together are what the target is made of.
        "one": "unproven", "same": "unproven", "pair": "earns", "worthless": "unproven",
    }  # fmt: skip
    for one in report["features"] + report["groups"]:
        assert one["interval"][0] < one["gain"] < one["interval"][1]
        assert one["gain"] == pytest.approx(np.mean(one["by_fold"]))
    assert report["comparisons"] == 7
    assert [(one["train"], one["asked"], one["blocks"]) for one in report["folds"]] == [
        (days * A_DAY, 10 * A_DAY, 10) for days in (30, 40, 50)
    ]
    assert same(ablate.measure(planted(), small(), columns)) == same(report)
