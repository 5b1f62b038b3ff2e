"""Figures of blocks of days: what they are, and from how many rows on."""

from __future__ import annotations

import numpy as np
import pytest
from eight_days import BIAS, judging_few, rows
from sklearn.metrics import log_loss

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params
from lifecycle.pipeline import block_figures
from lifecycle.tasks.binary import Binary

LABEL = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
SCORE = np.array([0.1, 0.3, 0.4, 0.8, 0.9])


@pytest.fixture
def few(real_params: Params) -> Params:
    """Blocks of four days with forty labels, and slices of twenty."""
    return judging_few(real_params)


def test_a_figure_is_that_of_the_metric_it_is_called() -> None:
    assert block_figures.figure(LABEL, SCORE, "roc_auc", Binary()) == pytest.approx(5 / 6)
    assert block_figures.figure(LABEL, SCORE, "log_loss", Binary()) == pytest.approx(
        log_loss(LABEL, SCORE)
    )
    assert block_figures.figure(LABEL, SCORE, "brier", Binary()) == pytest.approx(
        ((SCORE - LABEL) ** 2).mean()
    )
    assert block_figures.figure(LABEL, SCORE, "bias", Binary()) == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("label", "days", "window", "is_so"),
    [
        ([0, 1, 1, 1], 4, 7, True), ([0, 1, 1, 1], 3, 7, False), ([0, 1, 1, 1], 3, 3, True),
        ([0, 1, 1, 1], 2, 3, False), ([1, 1, 1, 1], 4, 7, False), ([0, 0, 0, 0], 4, 7, False),
    ],
)  # fmt: skip
def test_both_classes_and_four_days_or_the_whole_window_are_judged(
    few: Params, label: list[int], days: int, window: int, is_so: bool
) -> None:
    evaluate = few.evaluate.model_copy(update={"window_days": window})
    day = np.minimum(np.arange(4), days - 1)
    params = few.model_copy(update={"evaluate": evaluate})
    assert block_figures.judgeable(np.array(label, float), day, params, Binary()) is is_so


def test_the_worst_block_is_found_among_those_with_rows_enough(few: Params, schema: Schema) -> None:
    found = block_figures.worst(rows(schema), schema, few)
    assert (found["days"], found["metric"]) == (4, "roc_auc")
    figures = found["figures"]
    assert set(figures) == {
        "roc_auc", "log_loss", "bias low", "bias high", "origin=EWR", "origin=JFK",
    }  # fmt: skip
    # Of the five blocks of four days that follow each other, one beginning on each day.
    means = [float(np.mean(BIAS[day : day + 4])) for day in range(5)]
    assert (figures["bias low"], figures["bias high"]) == pytest.approx((min(means), max(means)))
    for limit, names in (
        ("minimum_window_labels", {"origin=EWR", "origin=JFK"}),
        ("minimum_slice_rows", {"roc_auc", "log_loss", "bias low", "bias high"}),
    ):
        one_more = {limit: getattr(few.evaluate, limit) + 1}
        more = few.model_copy(update={"evaluate": few.evaluate.model_copy(update=one_more)})
        assert set(block_figures.worst(rows(schema), schema, more)["figures"]) == names
