"""What is XGBoost's own: another library in src/project/model.py has no use for these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifecycle.core import frames
from project import model


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
    assert fit.trees == int(np.argmax(fit.curve)) + 1
    assert fit.booster.num_boosted_rounds() == fit.trees < 200


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


def test_contributions_sum_to_the_log_odds(fitted: model.Model, columns: dict[str, Any]) -> None:
    probability = fitted.predict(columns).astype(np.float64)
    sums = fitted.contributions(columns).astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(sums, np.log(probability / (1 - probability)), atol=1e-4)


def test_contributions_have_a_column_for_each_feature_and_the_bias(
    fitted: model.Model, columns: dict[str, Any]
) -> None:
    found = fitted.contributions({name: values[:7] for name, values in columns.items()})
    assert found.shape == (7, len(fitted.names) + 1)
    assert len(np.unique(found[:, -1])) == 1


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
