"""The model file: the same bytes for the same rows, and an answer for every row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project import model


def test_the_same_seed_gives_the_same_bytes(
    fitting: Callable[..., model.Fit], model_file: Path
) -> None:
    assert fitting().to_bytes() == model_file.read_bytes()


def test_an_unseen_category_counts_as_missing(fitted: model.Model, columns: dict[str, Any]) -> None:
    few = {name: values[:10].copy() for name, values in columns.items()}
    for name in fitted.unknown(few):
        unseen, missing = dict(few), dict(few)
        unseen[name] = np.array(["XXX"] * 10, object)
        missing[name] = np.array([None] * 10, object)
        np.testing.assert_array_equal(fitted.predict(unseen), fitted.predict(missing))
        assert fitted.unknown(unseen)[name] == 10
        assert set(fitted.unknown(missing).values()) == {0}


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


def test_a_row_of_nulls_is_predicted(fitted: model.Model, columns: dict[str, Any]) -> None:
    nulls = {
        name: np.array([None], object) if values.dtype == object else np.array([np.nan])
        for name, values in columns.items()
    }
    assert 0 < fitted.predict(nulls)[0] < 1


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


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no model that train wrote"):
        model.Model.load(tmp_path / "model.ubj")
