"""What a task of numbers measures, and the interval that its models carry."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    mean_absolute_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from lifecycle.contract.outcome.outcome import Deciding
from lifecycle.core import metric_names
from lifecycle.tasks import baselines
from lifecycle.tasks.regression import COVERAGE, Regression, conformal

TASK = Regression()
LABEL = np.array([1000.0, 1002.0, 1004.0, 1003.0, 1001.0, 1010.0])
VALUE = np.array([1001.0, 1001.0, 1003.0, 1005.0, 1001.0, 1007.0])


def test_scores_are_those_of_scikit_learn() -> None:
    found = TASK.score(LABEL, VALUE, bins=2)
    for name, right in (
        ("r2", r2_score), ("root_mean_squared_error", root_mean_squared_error),
        ("mean_absolute_error", mean_absolute_error),
        ("median_absolute_error", median_absolute_error),
    ):  # fmt: skip
        assert found[name] == pytest.approx(right(LABEL, VALUE))
    own = TASK.own_figures(LABEL, VALUE, Deciding(interval=(-1.0, 1.0)))
    assert own == {"interval_coverage": pytest.approx(4 / 6), "interval_width": 2.0}
    assert set(found) | set(own) == set(TASK.metrics)


@pytest.mark.parametrize("name", TASK.drawn)
def test_what_is_drawn_is_what_is_measured(name: str) -> None:
    drawn, measured = TASK.drawn[name], TASK.score(LABEL, VALUE, bins=2)[name]
    assert drawn.plain(LABEL, VALUE) == pytest.approx(measured)
    assert drawn.weighed(LABEL, VALUE)(np.ones(6)) == pytest.approx(measured)
    index = np.array([0, 0, 1, 1, 2, 2])
    twice = np.r_[0:2, 0:2, 4:6]
    expected = drawn.plain(LABEL[twice], VALUE[twice])
    assert drawn.by_block(LABEL, VALUE, index)(np.array([2, 0, 1])) == pytest.approx(expected)
    # Far from nought the digits do not get lost.
    far = drawn.plain(LABEL + 1e9, VALUE + 1e9)
    assert far == pytest.approx(measured, rel=1e-4)


def test_of_one_value_alone_no_share_is_explained() -> None:
    assert np.isnan(TASK.drawn["r2"].plain(np.ones(4), np.arange(4.0)))
    assert not TASK.is_judgeable(np.ones(4))
    assert TASK.is_judgeable(LABEL)


@pytest.mark.parametrize("name", ["r2", "root_mean_squared_error", "mean_absolute_error"])
def test_a_better_model_is_better_by_every_metric(name: str) -> None:
    better, worse = (TASK.score(LABEL, each, bins=2)[name] for each in (LABEL, VALUE))
    assert metric_names.SIGN[name] * (better - worse) > 0


def test_an_interval_holds_the_share_of_new_rows_that_it_promises() -> None:
    """On average over draws of few rows: that is what conformal prediction promises."""
    generator, shares = np.random.default_rng(3), []
    for _ in range(400):
        # Skewed, as both tails are taken by themselves.
        low, high = conformal(generator.exponential(size=60), COVERAGE)
        new = generator.exponential(size=200)
        shares.append(float(((new >= low) & (new <= high)).mean()))
    assert COVERAGE - 0.01 < np.mean(shares) < COVERAGE + 0.06


def test_of_few_rows_the_interval_is_all_there_is() -> None:
    assert conformal(np.array([3.0, -1.0, 2.0]), 0.9) == (-1.0, 3.0)


def test_what_a_model_carries_is_of_rows_that_it_was_not_fitted_on() -> None:
    label, asked = np.arange(100.0), []

    def fit(part: slice) -> object:
        asked.append(part)
        return lambda rows: np.full(len(label[rows]), label[part].mean())

    found = TASK.learnt(fit, label)  # type: ignore[arg-type]
    assert asked == [slice(80)]
    # The newest twenty are 80 to 99, the mean of the others 39.5.
    assert found["interval"] == [40.5, 59.5]
    assert (found["middle"], found["tolerance"]) == (39.5, 0.0)
    assert Deciding(**found)


def test_groups_and_bias_are_in_deviations_and_baselines_are_means() -> None:
    rates = TASK.group_rates(LABEL, VALUE, 2.0)
    assert rates["mean_error"] == pytest.approx((VALUE - LABEL).mean() / 2)
    assert rates["mean_absolute_error"] == pytest.approx(np.abs(VALUE - LABEL).mean() / 2)
    assert TASK.bias(LABEL, VALUE, 2.0).mean() == pytest.approx((VALUE - LABEL).mean() / 2)
    assert TASK.facts(LABEL) == {"scale": pytest.approx(LABEL.std())}
    assert TASK.constant(LABEL, 2).tolist() == [LABEL.mean()] * 2
    held = {"number": np.array([10.0, 90.0])}
    train = {"number": np.arange(100.0)}
    found = baselines.predict_linear(TASK, train, 2 * np.arange(100.0), held, {}, seed=1)
    assert found == pytest.approx([20, 180], rel=0.05)
