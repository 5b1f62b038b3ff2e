"""What is XGBoost's own: another library in src/project/model.py has no use for these."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from lifecycle.contract.columns import Schema
from lifecycle.core import frames
from lifecycle.core.params import Params
from project import model
from project.hyperparameters import Train


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_change_a_byte(
    fitting: Callable[..., model.Fit], model_file: Path, threads: int
) -> None:
    assert fitting(threads=threads).to_bytes() == model_file.read_bytes()


def test_another_seed_gives_another_model(
    fitting: Callable[..., model.Fit], model_file: Path
) -> None:
    assert fitting(seed=7).to_bytes() != model_file.read_bytes()


def test_boosting_stops_at_the_best_tree(fitting: Callable[..., model.Fit]) -> None:
    fit = fitting(early_stopping_rounds=3, maximum_trees=200, learning_rate=0.5)
    rises = fit.objective.rises
    best = int(np.argmax(fit.curve) if rises else np.argmin(fit.curve)) + 1
    assert fit.trees == (max(best, math.ceil(model.STEPS / 0.5)) if rises else best)
    assert fit.booster.num_boosted_rounds() == fit.trees < 200


def test_what_the_first_tree_ranks_is_told_apart_all_the_same(params: Params) -> None:
    label = (np.arange(400) % 2).astype(float)
    few = params.train.model_copy(update={"learning_rate": 0.05, "minimum_child_weight": 1.0})
    fit = model.fit({"size": label}, label, ["size"], {}, few)
    assert fit.trees == 2 / 0.05
    matrix = xgboost.DMatrix([[0.0], [1.0]], feature_names=["size"])
    low, high = fit.booster.predict(matrix)
    assert low < 0.2 < 0.8 < high


def test_a_loaded_model_predicts_as_the_fitted_one(
    fitting: Callable[..., model.Fit], fitted: model.Model, columns: dict[str, Any]
) -> None:
    direct = model.Model(fitting().booster, fitted.names, fitted.codes)
    np.testing.assert_array_equal(direct.predict(columns), fitted.predict(columns))


def test_categories_are_numbered_in_the_order_of_their_names() -> None:
    values = np.array(["LGA", "EWR", None, "JFK", "EWR"], object)
    codes = frames.categories({"origin": values, "humidity": np.ones(5)}, {})
    assert codes == {"origin": ["EWR", "JFK", "LGA"]}
    matrix = model.encode(
        {"origin": ["LGA", None, "XXX"], "humidity": [1.0, np.nan, 3.0]},
        ["humidity", "origin"],
        {"origin": {"EWR": 0, "JFK": 1, "LGA": 2}},
    )
    np.testing.assert_array_equal(matrix, [[1, 2], [np.nan, np.nan], [3, np.nan]])


def test_a_booster_without_categories_is_refused(
    fitting: Callable[..., model.Fit], tmp_path: Path
) -> None:
    booster = fitting().booster
    booster.set_attr(categories=None)
    booster.save_model(tmp_path / "model.ubj")
    with pytest.raises(ValueError, match="is no model that train wrote"):
        model.Model.load(tmp_path / "model.ubj")


def test_contributions_sum_to_what_is_predicted(
    fitted: model.Model, columns: dict[str, Any], schema: Schema, params: Params
) -> None:
    predicted = fitted.predict(columns).astype(np.float64)
    sums = fitted.contributions(columns).astype(np.float64).sum(axis=-1)
    if schema.task == "binary":
        expected = np.log(predicted / (1 - predicted))
    elif schema.task == "multiclass":
        # Probabilities know the sums but for a constant of each row.
        expected = np.log(predicted)
        sums, expected = (one - one.mean(axis=1, keepdims=True) for one in (sums, expected))
    else:
        expected = np.log(predicted) if params.train.counts else predicted
    np.testing.assert_allclose(sums, expected, atol=1e-4 * max(1.0, expected.std()))


def test_contributions_have_a_column_for_each_feature_and_the_bias(
    fitted: model.Model, columns: dict[str, Any]
) -> None:
    found = fitted.contributions({name: values[:7] for name, values in columns.items()})
    assert (len(found), found.shape[-1]) == (7, len(fitted.names) + 1)
    assert (found[..., -1] == found[:1, ..., -1]).all()


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_damaged_file_is_refused_in_one_line(
    model_file: Path, tmp_path: Path, kept: float
) -> None:
    content = model_file.read_bytes()
    damaged = tmp_path / "model.ubj"
    damaged.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    with pytest.raises(ValueError, match="is no model that train wrote: it is cut off") as refused:
        model.Model.load(damaged)
    assert "\n" not in str(refused.value)


def settings(*, counts: bool) -> Train:
    return Train(
        seed=1, early_stopping_share=0.2, early_stopping_rounds=20, maximum_trees=200,
        learning_rate=0.1, maximum_depth=4, minimum_child_weight=5.0, row_share=0.8,
        column_share=1.0, l2_regularisation=1.0, threads=1, counts=counts,
    )  # fmt: skip


def test_counts_are_above_nought_and_nearer_in_their_own_measure() -> None:
    draw = np.random.default_rng(1)
    x = draw.uniform(-3, 3, 4000)
    label, target = draw.poisson(np.exp(x)).astype(float), model.Target("regression")
    losses = {}
    for counts in (False, True):
        part = settings(counts=counts)
        found = model.fit({"x": x[:3000]}, label[:3000], ["x"], {}, part, target)
        values = model.Model(found.booster, ("x",), {}).predict({"x": x[3000:]}).astype(float)
        expected = np.maximum(values, 1e-3)
        losses[counts] = float((expected - label[3000:] * np.log(expected)).mean())
        assert values.min() > 0 or not counts
    assert losses[True] < losses[False]


@pytest.mark.parametrize(
    ("task", "said"),
    [("regression", "the target has values below nought"), ("binary", "the target has classes")],
)
def test_what_is_no_count_is_not_taken_for_one(task: str, said: str) -> None:
    label = np.array([-1.0, 2.0] * 10)
    with pytest.raises(ValueError, match=said):
        model.fit({"x": label}, label, ["x"], {}, settings(counts=True), model.Target(task))
