"""Quality of predictions whose outcome came: intervals by days, limits by tolerance and blocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.core import day_blocks
from lifecycle.core.params import Params
from lifecycle.monitoring import quality
from lifecycle.pipeline import block_figures


def predictions(
    schema: Schema, days: int = 7, each: int = 200, shift: float = 0.0, *, useless: bool = False
) -> pl.DataFrame:
    """Rows whose outcomes are drawn with the probabilities that were predicted, or are not."""
    generator = np.random.default_rng(1)
    true = generator.beta(1, 3, days * each)
    label = generator.random(days * each) < true
    score = generator.permutation(true) if useless else np.clip(true + shift, 0, 1)
    return pl.DataFrame({
        schema.clock: [datetime(2013, 3, 1) + timedelta(n // each) for n in range(days * each)],
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


@pytest.fixture(scope="module")
def reference(schema: Schema) -> pl.DataFrame:
    """Eight weeks: in the sixth outcomes are hardly predictable, in the eighth half as many."""
    generator, each = np.random.default_rng(2), 400
    week = np.repeat(np.arange(56), each) // 7
    true = generator.beta(1, 3, len(week))
    chance = np.where(week == 5, 0.7 * true.mean() + 0.3 * true, true)
    chance = np.where(week == 7, 0.5 * true, chance)
    return pl.DataFrame({
        schema.clock: [datetime(2013, 3, 1) + timedelta(n // each) for n in range(len(week))],
        "origin": ["EWR", "JFK"] * (len(week) // 2),
        "carrier": "UA",
        "weekday": 1,
        "probability": true,
        schema.target: generator.random(len(week)) < chance,
    })  # fmt: skip


def of_reference(reference: pl.DataFrame, schema: Schema, params: Params) -> dict[str, Any]:
    """The evaluation of a version that was trained on weeks one to eight, as all of it was."""
    whole = evaluation(measured(reference, schema, params))
    return {**whole, "worst_blocks": block_figures.worst(reference, schema, params)}


def test_no_week_of_the_reference_fires(
    reference: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    """By the tolerance alone two of them would: so it is for a version from before the blocks."""
    kept = of_reference(reference, schema, real_params)
    before = {key: value for key, value in kept.items() if key != "worst_blocks"}
    bad: dict[str, set[str]] = {"with": set(), "without": set()}
    for block in day_blocks.blocks(reference, schema.clock, 7, step=3):
        found = measured(block, schema, real_params)
        for name, known in (("with", kept), ("without", before)):
            verdicts = quality.verdicts(found, known, real_params)
            bad[name] |= {key for key, one in verdicts.items() if one.bad}
            if name == "without":
                assert all("tolerance 0.05)" in one.sentence for one in verdicts.values())
    assert bad["with"] == set()
    assert {"roc_auc", "origin=JFK", "bias"} <= bad["without"]


def test_a_window_worse_than_every_block_fires(
    reference: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    """The sentence names the limit: the worst block where that is beyond the tolerance."""
    kept = of_reference(reference, schema, real_params)
    upside_down = predictions(schema, each=1000).with_columns(probability=1 - pl.col("probability"))
    verdicts = quality.verdicts(measured(upside_down, schema, real_params), kept, real_params)
    for key in ("roc_auc", "log_loss", "bias", "origin=EWR", "origin=JFK"):
        assert verdicts[key].sudden, verdicts[key].sentence
    limit = kept["worst_blocks"]["figures"]["roc_auc"]
    assert f"(limit {limit:.3f}: what the worst 7 days of train and holdout had)" in (
        verdicts["roc_auc"].sentence
    )


def test_each_side_of_the_bias_has_its_own_limit(
    reference: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    """A block that had too few outcomes says nothing about windows that have too many."""
    kept = of_reference(reference, schema, real_params)
    figures = kept["worst_blocks"]["figures"]
    assert figures["bias high"] > 0.08 > 0.05 > -figures["bias low"]
    for shift, bad in ((0.08, False), (-0.12, True)):
        found = measured(predictions(schema, each=1000, shift=shift), schema, real_params)
        one = quality.verdicts(found, kept, real_params)["bias"]
        assert one.bad is bad, one.sentence


def test_blocks_of_other_days_or_of_another_metric_set_no_limit(
    reference: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    kept = of_reference(reference, schema, real_params)
    found = measured(reference[35 * 400 : 42 * 400], schema, real_params)
    assert not quality.verdicts(found, kept, real_params)["roc_auc"].bad
    for other in ({"days": 14}, {"metric": "brier"}):
        changed = {**kept, "worst_blocks": {**kept["worst_blocks"], **other}}
        assert quality.verdicts(found, changed, real_params)["roc_auc"].bad


def test_a_block_with_few_rows_or_one_class_has_no_figure(
    reference: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    thin = block_figures.worst(reference.gather_every(10), schema, real_params)["figures"]
    assert thin == {}
    some = block_figures.worst(reference.gather_every(7), schema, real_params)["figures"]
    assert set(some) == {
        "roc_auc", "log_loss", "bias low", "bias high", "carrier=UA", "weekday=1",
    }  # fmt: skip
    certain = reference.with_columns(pl.lit(value=True).alias(schema.target))
    assert block_figures.worst(certain, schema, real_params)["figures"] == {}
