"""The model file: the same bytes for the same rows, and an answer for every row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.core import frames
from lifecycle.core.params import Params
from project import model

Columns = dict[str, Any]
Fitting = Callable[..., model.Fit]


@pytest.fixture(scope="module")
def columns(rows: pl.DataFrame, schema: Schema) -> Columns:
    return frames.arrays(features.on_frame(schema, rows), features.names(schema))


@pytest.fixture(scope="module")
def fitting(rows: pl.DataFrame, columns: Columns, schema: Schema, params: Params) -> Fitting:
    """Fit on the small rows, with settings changed."""
    label = rows[schema.target].cast(pl.Float64).to_numpy()
    codes = model.category_codes({n: list(c) for n, c in columns.items() if c.dtype == object}, {})

    def fit(**changes: Any) -> model.Fit:
        settings = params.train.model_copy(update=changes)
        return model.fit(columns, label, list(columns), codes, settings)

    return fit


@pytest.fixture(scope="module")
def path(fitting: Fitting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("model") / "model.ubj"
    target.write_bytes(fitting().to_bytes())
    return target


@pytest.fixture(scope="module")
def fitted(path: Path) -> model.Model:
    return model.Model.load(path)


def test_the_same_seed_gives_the_same_bytes(fitting: Fitting, path: Path) -> None:
    assert fitting().to_bytes() == path.read_bytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_change_a_byte(
    fitting: Fitting, path: Path, threads: int
) -> None:
    assert fitting(threads=threads).to_bytes() == path.read_bytes()


def test_another_seed_gives_another_model(fitting: Fitting, path: Path) -> None:
    assert fitting(seed=7).to_bytes() != path.read_bytes()


def test_boosting_stops_at_the_best_tree(fitting: Fitting) -> None:
    fit = fitting(early_stopping_rounds=3, maximum_trees=200, learning_rate=0.5)
    assert fit.trees == int(np.argmax(fit.curve)) + 1
    assert fit.booster.num_boosted_rounds() == fit.trees < 200


def test_a_loaded_model_predicts_as_the_fitted_one(
    fitting: Fitting, fitted: model.Model, columns: Columns
) -> None:
    direct = model.Model(fitting().booster, fitted.names, fitted.codes)
    np.testing.assert_array_equal(direct.predict(columns), fitted.predict(columns))


def test_an_unseen_category_counts_as_missing(fitted: model.Model, columns: Columns) -> None:
    few = {name: values[:10].copy() for name, values in columns.items()}
    unseen, missing = dict(few), dict(few)
    unseen["destination"] = np.array(["XXX"] * 10, object)
    missing["destination"] = np.array([None] * 10, object)
    np.testing.assert_array_equal(fitted.predict(unseen), fitted.predict(missing))
    assert fitted.unknown(unseen)["destination"] == 10
    assert set(fitted.unknown(missing).values()) == {0}


def test_contributions_sum_to_the_log_odds(fitted: model.Model, columns: Columns) -> None:
    probability = fitted.predict(columns).astype(np.float64)
    sums = fitted.contributions(columns).astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(sums, np.log(probability / (1 - probability)), atol=1e-4)


def test_contributions_have_a_column_for_each_feature_and_the_bias(
    fitted: model.Model, columns: Columns
) -> None:
    found = fitted.contributions({name: values[:7] for name, values in columns.items()})
    assert found.shape == (7, len(fitted.names) + 1)
    assert len(np.unique(found[:, -1])) == 1


def test_a_row_of_nulls_is_predicted(fitted: model.Model, columns: Columns) -> None:
    nulls = {
        name: np.array([None], object) if values.dtype == object else np.array([np.nan])
        for name, values in columns.items()
    }
    assert 0 < fitted.predict(nulls)[0] < 1


def test_categories_are_numbered_in_the_order_of_their_names() -> None:
    codes = model.category_codes({"origin": ["LGA", "EWR", None, "JFK", "EWR"]}, {})
    assert codes == {"origin": ["EWR", "JFK", "LGA"]}
    matrix = model.encode(
        {"origin": ["LGA", None, "XXX"], "humidity": [1.0, np.nan, 3.0]},
        ["humidity", "origin"],
        {"origin": {"EWR": 0, "JFK": 1, "LGA": 2}},
    )
    np.testing.assert_array_equal(matrix, [[1, 2], [np.nan, np.nan], [3, np.nan]])


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_damaged_file_is_refused_in_one_line(path: Path, tmp_path: Path, kept: float) -> None:
    content = path.read_bytes()
    damaged = tmp_path / "model.ubj"
    damaged.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    with pytest.raises(ValueError, match="is no model that train wrote") as refused:
        model.Model.load(damaged)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no model that train wrote"):
        model.Model.load(tmp_path / "model.ubj")


def test_a_booster_without_categories_is_refused(fitting: Fitting, tmp_path: Path) -> None:
    booster = fitting().booster
    booster.set_attr(categories=None)
    booster.save_model(tmp_path / "model.ubj")
    with pytest.raises(ValueError, match="is no model that train wrote"):
        model.Model.load(tmp_path / "model.ubj")
