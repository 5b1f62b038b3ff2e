"""The reference profile, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lifecycle.pipeline import reference

LABEL = np.array([0, 0, 1, 1, 0, 1, 0, 1], float)
PROBABILITY = np.array([0.1, 0.4, 0.35, 0.8, 0.2, 0.7, 0.5, 0.6])


def test_a_number_is_profiled_between_its_quantiles() -> None:
    values = np.array([*range(100), *[np.nan] * 25], float)
    found = reference.numbers(values, bins=4)
    assert found["missing"] == pytest.approx(0.2)
    assert found["edges"] == pytest.approx([24.75, 49.5, 74.25])
    assert found["shares"] == pytest.approx([0.25] * 4)
    assert (found["minimum"], found["maximum"], found["mean"]) == (0, 99, 49.5)
    assert found["standard_deviation"] == pytest.approx(values[:100].std())


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_a_number_that_is_always_the_same_has_one_bin(value: float) -> None:
    found = reference.numbers(np.full(10, value), bins=5)
    assert found["edges"] == []
    assert found["shares"] == [1.0]


def test_a_number_that_is_mostly_one_value_keeps_shares_that_sum_to_one() -> None:
    found = reference.numbers(np.array([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0]), bins=20)
    assert sum(found["shares"]) == pytest.approx(1)
    assert len(found["shares"]) == len(found["edges"]) + 1


def test_a_number_that_is_never_there_is_all_missing() -> None:
    found = reference.numbers(np.full(4, np.nan), bins=3)
    assert found == {"kind": "number", "missing": 1.0, "edges": [], "shares": []}


def test_categories_are_profiled_by_share() -> None:
    found = reference.categories(np.array(["b", "a", "b", None], object))
    assert found["missing"] == 0.25
    assert found["shares"] == pytest.approx({"a": 1 / 3, "b": 2 / 3})


def test_the_profile_has_every_feature_the_prediction_and_the_label() -> None:
    columns = {"humidity": PROBABILITY * 100, "origin": np.array(["JFK"] * 8, object)}
    found = reference.profile(columns, PROBABILITY.astype(np.float32), LABEL, bins=4)
    assert (found["rows"], found["target_share"]) == (8, 0.5)
    assert found["prediction"]["kind"] == "number"
    kinds = {name: feature["kind"] for name, feature in found["features"].items()}
    assert kinds == {"humidity": "number", "origin": "category"}
