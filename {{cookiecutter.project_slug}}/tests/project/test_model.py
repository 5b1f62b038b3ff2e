"""The model file: the same bytes for the same rows, and an answer for every row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifecycle.core import frames
from project import model


def test_the_same_seed_gives_the_same_bytes(
    fitting: Callable[..., model.Fit], model_file: Path
) -> None:
    assert fitting().to_bytes() == model_file.read_bytes()


def test_an_unseen_category_counts_as_missing(fitted: model.Model, columns: dict[str, Any]) -> None:
    few = {name: values[:10].copy() for name, values in columns.items()}
    for name in fitted.codes:
        unseen, missing = dict(few), dict(few)
        unseen[name] = np.array(["XXX"] * 10, object)
        missing[name] = np.array([None] * 10, object)
        np.testing.assert_array_equal(fitted.predict(unseen), fitted.predict(missing))
        assert frames.unknown(unseen, fitted.codes)[name] == 10
        assert set(frames.unknown(missing, fitted.codes).values()) == {0}


def test_a_row_of_nulls_is_predicted(fitted: model.Model, columns: dict[str, Any]) -> None:
    nulls = {
        name: np.array([None], object) if values.dtype == object else np.array([np.nan])
        for name, values in columns.items()
    }
    assert np.isfinite(fitted.predict(nulls)).all()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no model that train wrote"):
        model.Model.load(tmp_path / "model.ubj")
