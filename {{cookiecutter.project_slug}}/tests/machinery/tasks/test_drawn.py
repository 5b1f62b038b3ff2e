"""Figures of weighed rows, and the paired bootstrap by days."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from lifecycle.core.params import ChampionRule
from lifecycle.tasks import drawn, rules
from lifecycle.tasks.binary import Binary, log_losses

AREA = Binary.drawn["roc_auc"]


@pytest.fixture
def champion_rule() -> ChampionRule:
    return ChampionRule(metric="roc_auc", tolerance=0.01, resamples=200, confidence=0.95)


def test_the_interval_leaves_half_of_the_rest_on_each_side() -> None:
    values = np.r_[np.arange(101.0), np.nan]
    assert drawn.interval(values, 0.9) == pytest.approx((5, 95))


def test_what_was_surely_wrong_costs_a_finite_loss() -> None:
    losses = log_losses(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    np.testing.assert_allclose(losses, -np.log(1e-12), rtol=1e-4)


@pytest.mark.parametrize("decimals", [1, 2, 16])
def test_the_weighted_area_is_that_of_scikit_learn(decimals: int) -> None:
    generator = np.random.default_rng(decimals)
    label = (generator.random(2000) < 0.3).astype(float)
    # One decimal makes ties of hundreds of rows.
    scores = np.round(generator.random(2000) * 0.7 + label * 0.2, decimals)
    weight = generator.integers(0, 4, 2000)
    order = np.argsort(scores, kind="stable")
    ties = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    found = drawn.weighted_roc_auc(order, ties, label, weight)
    assert found == pytest.approx(roc_auc_score(label, scores, sample_weight=weight), abs=1e-12)


@pytest.fixture(scope="module")
def scored() -> dict[str, Any]:
    """Labels of forty days, a good and a bad model."""
    generator = np.random.default_rng(5)
    label = (generator.random(4000) < 0.3).astype(float)
    good = np.clip(generator.normal(0.2 + 0.3 * label, 0.2), 0.01, 0.99)
    bad = np.clip(generator.normal(0.25 + 0.1 * label, 0.2), 0.01, 0.99)
    return {"label": label, "good": good, "bad": bad, "day": np.repeat(np.arange(40), 100)}


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier"])
def test_the_interval_holds_the_gain_and_turns_with_the_models(
    scored: dict[str, Any], champion_rule: ChampionRule, metric: str
) -> None:
    rule, figure = champion_rule.model_copy(update={"metric": metric}), Binary.drawn[metric]
    label, good, bad, day = (scored[name] for name in ("label", "good", "bad", "day"))
    value, low, high = drawn.bootstrap_gain(figure, label, good, bad, day, rule, seed=1)
    assert 0 < low < value < high
    back = drawn.bootstrap_gain(figure, label, bad, good, day, rule, seed=1)
    assert back == pytest.approx((-value, -high, -low))
    if metric == "roc_auc":
        expected = roc_auc_score(label, good) - roc_auc_score(label, bad)
        assert value == pytest.approx(expected)
    if metric == "log_loss":
        assert value == pytest.approx(log_loss(label, bad) - log_loss(label, good))


def test_a_tie_has_no_gain_and_no_width(
    scored: dict[str, Any], champion_rule: ChampionRule
) -> None:
    label, good, day = (scored[name] for name in ("label", "good", "day"))
    gain = drawn.bootstrap_gain(AREA, label, good, good.copy(), day, champion_rule, seed=1)
    assert gain == (0, 0, 0)
    assert not rules.champion(gain, "champion version 1", champion_rule).passed
    assert rules.champion(gain, "champion version 1", champion_rule, is_same=True).passed
    worse = (-1e-9, -1e-9, -1e-9)
    assert not rules.champion(worse, "champion version 1", champion_rule, is_same=True).passed


def test_whole_days_are_drawn(scored: dict[str, Any], champion_rule: ChampionRule) -> None:
    label, good, bad = (scored[name] for name in ("label", "good", "bad"))
    one_day = np.zeros(len(label))
    value, low, high = drawn.bootstrap_gain(AREA, label, good, bad, one_day, champion_rule, seed=1)
    assert low == high == pytest.approx(value)


def test_the_same_seed_gives_the_same_interval(
    scored: dict[str, Any], champion_rule: ChampionRule
) -> None:
    label, good, bad, day = (scored[name] for name in ("label", "good", "bad", "day"))
    first, again, other = (
        drawn.bootstrap_gain(AREA, label, good, bad, day, champion_rule, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again != other
