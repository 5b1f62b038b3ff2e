"""How much is known, and how far chance goes, in one measure for all tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lifecycle.tasks.chosen import TASKS

Array = NDArray[Any]


def labels(task: str, rows: int = 300) -> Array:
    random = np.random.default_rng(1)
    if task == "regression":
        return np.asarray(random.normal(10, 2, rows))
    return np.asarray(random.choice(2 if task == "binary" else 4, rows))


def columns(task: str, label: Array) -> Array:
    return np.eye(int(label.max()) + 1)[label] if TASKS[task].has_classes else label[:, None]


@pytest.mark.parametrize("task", TASKS)
def test_who_knows_all_has_a_skill_of_one_and_a_constant_none(task: str) -> None:
    one, label = TASKS[task], labels(task)
    assert one.skill(label, one.of_columns(columns(task, label))) == pytest.approx(1)
    assert one.skill(label, one.constant(label, len(label))) == pytest.approx(0)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_judged_by_is_drawn_and_better_when_larger(task: str) -> None:
    one, label = TASKS[task], labels(task)
    figure = one.drawn[one.shown[0]]
    assert figure.plain(label, one.of_columns(columns(task, label))) == pytest.approx(1)
    assert figure.plain(label, one.constant(label, len(label))) < 1


@pytest.mark.parametrize("task", TASKS)
def test_chance_reaches_as_far_as_is_said(task: str) -> None:
    """Of scores that know nothing, the figure spreads no more above a constant's than `noise`."""
    one, label, random = TASKS[task], labels(task), np.random.default_rng(2)
    figure, wide = one.drawn[one.shown[0]], columns(task, label)
    constant = figure.plain(label, one.constant(label, len(label)))
    found = [figure.plain(label, one.of_columns(wide[random.permutation(len(label))])) - constant
             for _ in range(100)]  # fmt: skip
    assert np.quantile(found, 0.99) < 3 * one.noise(label)
    if task != "regression":
        assert np.std(found) > 0.5 * one.noise(label)
