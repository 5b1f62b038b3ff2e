"""Quality of predictions whose outcome came: intervals by days, verdicts with a tolerance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle import quality
from lifecycle.columns import Schema
from lifecycle.params import Params


def predictions(
    schema: Schema, days: int = 7, each: int = 200, shift: float = 0.0, *, useless: bool = False
) -> pl.DataFrame:
    """Rows whose outcomes are drawn with the probabilities that were predicted, or are not."""
    generator = np.random.default_rng(1)
    true = generator.beta(1, 3, days * each)
    label = generator.random(days * each) < true
    score = generator.permutation(true) if useless else np.clip(true + shift, 0, 1)
    return pl.DataFrame({
        schema.time: [datetime(2013, 3, 1) + timedelta(n // each) for n in range(days * each)],
        "origin": ["EWR", "JFK"] * (days * each // 2),
        "probability": score,
        schema.target: label,
    })  # fmt: skip


def evaluation(found: dict[str, Any]) -> dict[str, Any]:
    """An evaluation in which the holdout was as these predictions are."""
    slices = [{"slice": one["slice"], "value": one["of"], "metrics": {"roc_auc": one["value"]}}
              for one in found["slices"]]  # fmt: skip
    figures = {"roc_auc": found["value"], "log_loss": found["log_loss"]["value"]}
    return {"metrics": figures, "slices": slices}


def measured(rows: pl.DataFrame, schema: Schema, params: Params) -> dict[str, Any]:
    found = quality.of_window(rows, schema, params)
    assert found is not None
    return found


def test_figures_and_intervals(schema: Schema, real_params: Params) -> None:
    found = measured(predictions(schema), schema, real_params)
    assert found["metric"] == "roc_auc"
    for one in (found, found["log_loss"], found["bias"]):
        assert one["low"] < one["value"] < one["high"]
    assert abs(found["bias"]["value"]) < 0.03
    assert found["bias"]["value"] == pytest.approx(found["mean_prediction"] - found["base_rate"])
    assert [(one["slice"], one["of"]) for one in found["slices"]] == [
        ("origin", "EWR"), ("origin", "JFK"),
    ]  # fmt: skip


def test_predictions_as_good_as_on_the_holdout_are_not_bad(
    schema: Schema, real_params: Params
) -> None:
    found = measured(predictions(schema), schema, real_params)
    verdicts = quality.verdicts(found, evaluation(found), real_params)
    assert set(verdicts) == {"roc_auc", "log_loss", "bias", "origin=EWR", "origin=JFK"}
    assert not any(one.bad for one in verdicts.values())


def test_useless_predictions_are_suddenly_bad(schema: Schema, real_params: Params) -> None:
    good = measured(predictions(schema), schema, real_params)
    found = measured(predictions(schema, useless=True), schema, real_params)
    verdicts = quality.verdicts(found, evaluation(good), real_params)
    assert {key for key, one in verdicts.items() if one.sudden} >= {"roc_auc", "origin=EWR"}
    (alert, *_) = quality.alerts(["2013-03-01"], [verdicts], real_params)
    assert (alert.kind, alert.subject, alert.windows) == ("quality", "roc_auc", ("2013-03-01",))
    assert "on the holdout it was" in alert.message


@pytest.mark.parametrize(("shift", "bad", "sudden"), [(0.08, True, False), (0.2, True, True)])
def test_a_bias_fires_in_two_windows_or_at_once(
    shift: float, bad: bool, sudden: bool, schema: Schema, real_params: Params
) -> None:
    found = measured(predictions(schema, each=1000, shift=shift), schema, real_params)
    verdicts = quality.verdicts(found, evaluation(found), real_params)
    assert (verdicts["bias"].bad, verdicts["bias"].sudden) == (bad, sudden)
    alone = quality.alerts(["a"], [verdicts], real_params)
    assert [one.subject for one in alone] == (["bias"] if sudden else [])
    twice = quality.alerts(["a", "b"], [verdicts, verdicts], real_params)
    assert [(one.subject, one.windows) for one in twice] == [("bias", ("a", "b"))]


def test_few_labels_few_days_or_one_class_are_not_judged(
    schema: Schema, real_params: Params
) -> None:
    """Days are drawn: an interval from three of them would be too narrow to be believed."""
    assert quality.of_window(predictions(schema, each=40), schema, real_params) is None
    assert quality.of_window(predictions(schema, days=3), schema, real_params) is None
    certain = predictions(schema).with_columns(pl.lit(value=False).alias(schema.target))
    assert quality.of_window(certain, schema, real_params) is None
    assert quality.alerts([], [], real_params) == []
