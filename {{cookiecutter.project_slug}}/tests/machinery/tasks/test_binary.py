"""What a binary task measures, and its baselines, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lifecycle.core import metric_names
from lifecycle.tasks import baselines, calibration
from lifecycle.tasks.binary import Binary
from lifecycle.tasks.task import differences

TASK = Binary()

LABEL = np.array([0, 0, 1, 1, 0, 1, 0, 1], float)
PROBABILITY = np.array([0.1, 0.4, 0.35, 0.8, 0.2, 0.7, 0.5, 0.6])


def test_scores_are_those_worked_out_by_hand() -> None:
    found = TASK.score(LABEL, PROBABILITY, bins=2)
    # Of the sixteen pairs of one late and one punctual flight, two are in the wrong order.
    assert found["roc_auc"] == pytest.approx(14 / 16)
    assert found["pr_auc"] == pytest.approx((1 + 1 + 1 + 4 / 6) / 4)
    assert found["brier"] == pytest.approx(np.mean((PROBABILITY - LABEL) ** 2))
    likelihood = np.where(LABEL == 1, PROBABILITY, 1 - PROBABILITY)
    assert found["log_loss"] == pytest.approx(-np.log(likelihood).mean())
    # The lower half: 0.2625 predicted, one of four late; the upper: 0.65 and three of four.
    assert found["calibration_error"] == pytest.approx((abs(0.2625 - 0.25) + abs(0.65 - 0.75)) / 2)


def test_params_may_name_every_metric_that_is_measured_and_no_other() -> None:
    assert set(TASK.score(LABEL, PROBABILITY, bins=2)) == set(TASK.metrics)
    assert set(TASK.drawn) < set(TASK.metrics) < set(metric_names.SIGN)


@pytest.mark.parametrize("name", TASK.metrics)
def test_a_better_model_is_better_by_every_metric(name: str) -> None:
    better = TASK.score(LABEL, LABEL, bins=2)[name]
    worse = TASK.score(LABEL, PROBABILITY, bins=2)[name]
    assert metric_names.SIGN[name] * (better - worse) > 0
    assert metric_names.worst(name, [better, worse]) == worse


def test_calibration_has_bins_of_equally_many_rows() -> None:
    curve = calibration.curve(LABEL, PROBABILITY, bins=3)
    assert [point["rows"] for point in curve] == [3, 3, 2]
    assert curve[0]["predicted"] == pytest.approx((0.1 + 0.2 + 0.35) / 3)
    assert curve[0]["observed"] == pytest.approx(1 / 3)
    assert len(calibration.curve(LABEL, PROBABILITY, bins=100)) == len(LABEL)


def test_a_perfectly_calibrated_model_has_no_error() -> None:
    assert calibration.error([{"rows": 5, "predicted": 0.4, "observed": 0.4}]) == 0


def test_rates_of_a_group() -> None:
    rates = TASK.group_rates(np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0]), 1)
    assert rates == {
        "selection_rate": 0.5,
        "true_positive_rate": 0.5,
        "false_positive_rate": 0.5,
    }
    alone = TASK.group_rates(np.array([0, 0]), np.array([1, 0]), 1)
    assert alone["true_positive_rate"] is None
    assert alone["false_positive_rate"] == 0.5
    assert TASK.group_rates(np.ones(2), np.array([1, 0]), 1)["false_positive_rate"] is None


def test_disparity_is_the_largest_difference_between_groups() -> None:
    rates = [(0.5, 0.1), (0.8, 0.3), (None, 0.2)]
    groups = [{"true_positive_rate": a, "false_positive_rate": b} for a, b in rates]
    found = differences(groups, TASK.rates)
    assert found["true_positive_rate"] == pytest.approx(0.3)
    assert found["false_positive_rate"] == pytest.approx(0.2)
    assert differences([], TASK.rates)["true_positive_rate"] == 0


def test_the_constant_is_the_share_of_positives() -> None:
    np.testing.assert_array_equal(TASK.constant(LABEL, 3), [0.5, 0.5, 0.5])


def test_the_linear_model_learns_numbers_and_categories_and_bears_what_is_new() -> None:
    number = np.array([1.0, 2.0, 3.0, 4.0, np.nan, 6.0] * 20)
    letter = np.array(["a", "a", "b", "b", "a", None] * 20, object)
    label = (letter == "b").astype(float)
    holdout = {
        "number": np.array([3.0, 3.0, np.nan]),
        "letter": np.array(["b", "a", "never seen"], object),
    }
    codes = {"letter": ["a", "b"]}
    train = {"number": number, "letter": letter}
    found = baselines.predict_linear(TASK, train, label, holdout, codes, seed=1)
    assert found[0] > 0.9 > 0.1 > found[1]
    assert 0 <= found[2] <= 1
    again = baselines.predict_linear(TASK, train, label, holdout, codes, seed=1)
    np.testing.assert_array_equal(found, again)


def test_the_linear_model_learns_from_a_number_alone() -> None:
    train = {"number": np.arange(100.0), "letter": np.array(["a"] * 100, object)}
    holdout = {"number": np.array([10.0, 90.0]), "letter": np.array(["a"] * 2, object)}
    label = (train["number"] >= 50).astype(float)
    low, high = baselines.predict_linear(TASK, train, label, holdout, {"letter": ["a"]}, seed=1)
    assert low < 0.1 < 0.9 < high
