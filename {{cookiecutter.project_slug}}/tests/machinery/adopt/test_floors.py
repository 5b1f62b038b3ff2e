"""What the gate may ask follows from what was measured, and from how far that spreads."""

from __future__ import annotations

import numpy as np
import pytest
from adopt.made import TRAIN, table

from lifecycle.adopt import floors, splits, trial
from lifecycle.adopt.estimates import Figures
from lifecycle.adopt.floors import Measured


def measured(
    values: list[float], linear: list[float] | None = None, *, noise: float = 0.02,
    noisy: float = 0.97, copied: float = 1.0, loss: float = 0.3, copied_loss: float = 0.01,
) -> Measured:  # fmt: skip
    """Return figures of an area, of the same rows held out each time."""
    plain = linear or [value - 0.05 for value in values]
    figures = [
        Figures(value, loss, line, 0.5, 0.005, 0.002, noise, 0.05, 400, {("a", "x"): value - 0.1})
        for value, line in zip(values, plain, strict=True)
    ]
    return Measured("roc_auc", "log_loss", figures, [(noisy, 0.1)] * 3,
                    [(copied, copied_loss)] * 3, ["a"])  # fmt: skip


# What was measured of the model and of a linear one, and whether the gain of the example is borne.
GAINS = {
    "plain": ([0.80, 0.81, 0.80, 0.82, 0.81], [0.70, 0.71, 0.70, 0.72, 0.71], True),
    "once less than is asked": ([0.80, 0.81, 0.80, 0.82, 0.81], [0.78, 0.79, 0.798, 0.79, 0.78],
                                False),
    "as good": ([0.80, 0.81, 0.80, 0.82, 0.81], [0.80, 0.81, 0.80, 0.82, 0.81], False),
    "a linear target": ([0.80, 0.81, 0.80, 0.82, 0.81], [0.83, 0.82, 0.84, 0.83, 0.84], False),
    "better on average, and widely spread": ([0.75, 0.86, 0.79, 0.90, 0.81],
                                             [0.76, 0.78, 0.80, 0.79, 0.75], False),
}  # fmt: skip


@pytest.mark.parametrize("case", GAINS)
def test_no_gain_is_asked_that_the_measured_ones_do_not_bear(case: str) -> None:
    values, linear, is_borne = GAINS[case]
    found = measured(values, linear)
    assert (found.gain == floors.GAIN) == is_borne
    assert found.gain < min(v - w for v, w in zip(values, linear, strict=True))


# Figures, what a noisy and an exact copy have, and where the ceiling lies then.
CEILINGS = {
    "far from a copy": ([0.70, 0.72, 0.71, 0.70, 0.73], 0.97, 1.0, (0.73, 0.97)),
    "beyond a noisy copy": ([0.96, 0.97, 0.965, 0.96, 0.97], 0.96, 1.0, (0.97, 1.0)),
    "all rows may be right": ([0.99, 0.985, 0.99, 0.98, 0.995], 1.0, 1.0, None),
    "beyond any copy": ([1.0, 0.98, 1.0, 0.95, 1.0], 0.98, 0.99, None),
}


@pytest.mark.parametrize("case", CEILINGS)
def test_a_ceiling_lies_between_honest_models_and_leaks(case: str) -> None:
    values, noisy, copied, between = CEILINGS[case]
    found = measured(values, noisy=noisy, copied=copied)
    if between is None:
        assert found.ceiling is None
    else:
        assert found.ceiling is not None
        assert between[0] < found.ceiling < between[1]


def test_where_no_ceiling_is_a_copy_shows_by_its_loss_if_it_does() -> None:
    values = [1.0, 0.98, 1.0, 0.95, 1.0]
    shown = measured(values, noisy=0.98, copied=0.99, loss=0.2, copied_loss=0.002).least_loss
    assert shown is not None
    assert 0.002 < shown < 0.2
    assert measured(values, noisy=0.98, copied=0.99, copied_loss=0.4).least_loss is None
    assert measured([0.7, 0.71, 0.7, 0.72, 0.7]).least_loss is None


def test_floors_lie_above_chance_and_below_every_honest_figure_where_rows_are_enough() -> None:
    values = [0.70, 0.72, 0.71, 0.70, 0.73]
    found = measured(values)
    assert found.is_enough
    assert 0.5 + found.noise < found.floor < found.lower < min(values)
    assert found.slice_floor < min(values) - 0.1
    few = measured(values, noise=0.1)
    assert not few.is_enough
    assert few.floor >= 0.5 + few.noise


def test_what_was_measured_once_says_nothing() -> None:
    assert floors.margin([0.8]) >= 1
    assert floors.margin([0.8, 0.8, 0.8], error=0.01) > 0.03
    assert floors.margin([0.7, 0.8, 0.9]) > floors.margin([0.7, 0.8, 0.9] * 5) > 0.2


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rows_are_held_out_as_prepare_holds_them_out(task: str) -> None:
    target = {"binary": "bought", "multiclass": "colour", "regression": "size"}[task]
    rows = table(300)
    label = trial.problem(rows[target], task, is_ranked=False)
    drawn = splits.of_rows(rows, label, None, None)
    assert len(drawn) == 20
    for rest, out in drawn:
        assert sorted([*rest, *out]) == list(range(300))
        assert 0.15 * 300 < len(out) < 0.25 * 300
    assert len({tuple(out) for _, out in drawn}) == len(drawn)


def test_no_group_is_in_both_parts_and_the_newest_are_held_out() -> None:
    rows = table(300).with_columns(customer=np.arange(300) // 6)
    label = trial.problem(rows["bought"], "binary", is_ranked=False)
    for rest, out in splits.of_rows(rows, label, None, "customer"):
        assert not set(rows["customer"][rest]) & set(rows["customer"][out])
    for rest, out in splits.of_rows(rows, label, "id", None):
        assert list(rest) == sorted(rest)
        assert rest.max() < out.min()


def test_a_rare_class_that_no_part_can_have_is_no_error() -> None:
    rows = table(60).with_columns(bought=np.arange(60) == 7)
    assert not floors.measure(rows, ["size"], "bought", "binary", TRAIN).is_known
