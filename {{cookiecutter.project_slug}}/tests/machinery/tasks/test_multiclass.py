"""What a task of several classes measures, against values worked out by hand and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss

from lifecycle.core import metric_names
from lifecycle.tasks import baselines
from lifecycle.tasks.multiclass import Multiclass

TASK = Multiclass()
LABEL = np.array([0, 1, 2, 2, 1, 0], float)
SCORES = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7],
                   [0.5, 0.25, 0.25], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6]])  # fmt: skip


def test_scores_are_those_of_scikit_learn() -> None:
    found, decided = TASK.score(LABEL, SCORES, bins=2), SCORES.argmax(axis=1)
    assert set(found) == set(TASK.metrics)
    assert found["accuracy"] == pytest.approx(accuracy_score(LABEL, decided))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(LABEL, decided))
    assert found["macro_f1"] == pytest.approx(f1_score(LABEL, decided, average="macro"))
    assert found["log_loss"] == pytest.approx(log_loss(LABEL, SCORES))
    target = np.eye(3)[LABEL.astype(int)]
    assert found["brier"] == pytest.approx(((SCORES - target) ** 2).sum(axis=1).mean())
    # Two halves by the largest probability: 0.4, 0.5, 0.5 (two of three right), then 0.6, 0.6, 0.7.
    gaps = abs(0.4667 - 2 / 3) + abs(0.6333 - 2 / 3)
    assert found["calibration_error"] == pytest.approx(gaps / 2, abs=1e-3)


@pytest.mark.parametrize("name", TASK.metrics)
def test_a_better_model_is_better_by_every_metric(name: str) -> None:
    perfect = np.eye(3)[LABEL.astype(int)]
    better, worse = (TASK.score(LABEL, each, bins=2)[name] for each in (perfect, SCORES))
    assert metric_names.SIGN[name] * (better - worse) > 0


@pytest.mark.parametrize("name", TASK.drawn)
def test_what_is_drawn_is_what_is_measured(name: str) -> None:
    drawn, measured = TASK.drawn[name], TASK.score(LABEL, SCORES, bins=2)[name]
    assert drawn.plain(LABEL, SCORES) == pytest.approx(measured)
    assert drawn.weighed(LABEL, SCORES)(np.ones(6)) == pytest.approx(measured)
    index = np.array([0, 0, 1, 1, 2, 2])
    twice = np.r_[0:2, 0:2, 4:6]
    expected = drawn.plain(LABEL[twice], SCORES[twice])
    assert drawn.by_block(LABEL, SCORES, index)(np.array([2, 0, 1])) == pytest.approx(expected)


def test_rows_of_one_class_alone_say_nothing() -> None:
    assert TASK.is_judgeable(LABEL)
    assert not TASK.is_judgeable(np.ones(5))
    # A class that is not there has no part in a mean over classes.
    some = TASK.score(LABEL[:2], SCORES[:2], bins=1)
    assert (some["balanced_accuracy"], some["macro_f1"]) == (1.0, 1.0)


def test_the_constant_and_the_linear_model_have_a_probability_for_each_class() -> None:
    assert TASK.constant(np.array([0, 0, 2, 1.0]), 2).tolist() == [[0.5, 0.25, 0.25]] * 2
    number = np.repeat([0.0, 5.0, 10.0], 40)
    label = np.repeat([0.0, 1.0, 2.0], 40)
    held = {"number": np.array([0.0, 5.0, 10.0])}
    found = baselines.predict_linear(TASK, {"number": number}, label, held, {}, seed=1)
    assert found.shape == (3, 3)
    assert found.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_errors_of_groups_sureness_and_confusion() -> None:
    decided = SCORES.argmax(axis=1)
    assert TASK.group_rates(LABEL, decided, 1.0) == {"error_rate": pytest.approx(2 / 6)}
    bias = TASK.bias(LABEL, SCORES, 1.0)
    assert bias.mean() == pytest.approx(SCORES.max(axis=1).mean() - 4 / 6)
    assert TASK.outcome(LABEL, SCORES).tolist() == [1, 1, 1, 0, 1, 0]
    confusion = TASK.curves(LABEL, SCORES, bins=2)["confusion"]
    assert confusion == [[1, 0, 1], [0, 2, 0], [1, 0, 1]]
