"""Quality of a window: from how many rows on it has figures, and how sure they are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from eight_days import judging_few, rows
from sklearn.metrics import log_loss, roc_auc_score

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params
from lifecycle.monitoring import quality
from lifecycle.tasks.binary import Binary


@pytest.fixture
def few(real_params: Params) -> Params:
    """Blocks of four days with forty labels, and slices of twenty."""
    return judging_few(real_params)


def test_a_window_has_figures_from_as_many_rows_on(few: Params, schema: Schema) -> None:
    window = rows(schema)[40:]
    found = quality.of_window(window, schema, few)
    assert found is not None
    assert found["rows"] == 40
    assert [(one["of"], one["rows"]) for one in found["slices"]] == [("EWR", 20), ("JFK", 20)]
    label = window[schema.target].cast(pl.Float64).to_numpy()
    score = window["probability"].to_numpy()
    assert found["value"] == pytest.approx(roc_auc_score(label, score))
    assert found["log_loss"]["value"] == pytest.approx(log_loss(label, score))
    assert quality.of_window(window[1:], schema, few) is None
    # One day with no row of a slice less, and the slice is too small.
    short = window.filter((pl.col("origin") == "JFK") | (pl.int_range(pl.len()) > 0))
    more = few.evaluate.model_copy(update={"minimum_window_labels": 39})
    lacking = quality.of_window(short, schema, few.model_copy(update={"evaluate": more}))
    assert lacking is not None
    assert [one["of"] for one in lacking["slices"]] == ["JFK"]


def test_the_interval_is_of_the_days_means(few: Params) -> None:
    """95 % of what is drawn: two standard errors of the mean of the days to each side, nearly."""
    generator = np.random.default_rng(1)
    day = np.repeat(np.arange(100), 10)
    gap = np.repeat(generator.normal(0.0, 0.1, 100), 10)
    label = np.tile([0.0, 1.0], 500)
    value, low, high = quality.Judged(label, label + gap, day, Binary(), 1.0).intervals(
        "brier", few
    )["bias"]
    error = gap[::10].std() / 10
    assert value == pytest.approx(gap.mean())
    assert (value - low, high - value) == pytest.approx((1.96 * error, 1.96 * error), rel=0.2)


def test_a_draw_of_days_with_one_class_only_says_nothing(few: Params) -> None:
    """Late on one day of two: half of the draws have both, of which each ranks all rows right."""
    label = np.repeat([0.0, 1.0], 20)
    score, day = label * 0.8 + 0.1, np.repeat([0, 1], 20)
    assert quality.Judged(label, score, day, Binary(), 1.0).intervals("roc_auc", few)[
        "roc_auc"
    ] == (1.0, 1.0, 1.0)
