"""A column that alone tells the target is named, and an honest strong one is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn import datasets

from lifecycle.adopt import leaks

SETS = {
    "binary": datasets.load_breast_cancer, "multiclass": datasets.load_wine,
    "regression": datasets.load_diabetes,
}  # fmt: skip


def rows(task: str) -> pl.DataFrame:
    """Return a set of real rows, shuffled, with its target as `y`."""
    found = SETS[task]()
    names = [f"x{number}" for number in range(found.data.shape[1])]
    label = pl.Series("y", found.target)
    label = label if task == "regression" else label.cast(pl.String)
    frame = pl.DataFrame(found.data, schema=names).with_columns(label)
    return frame.sample(fraction=1.0, shuffle=True, seed=1)


def planted(frame: pl.DataFrame, task: str, kind: str) -> NDArray[Any]:
    """Return a leak: a copy of the target, a noisy one, or a code for it."""
    random, label = np.random.default_rng(0), frame["y"].cast(pl.Float64).to_numpy()
    if kind == "copy":
        return np.asarray(label * 3 - 7)
    if kind == "noisy":
        if task == "regression":
            return np.asarray(label + random.normal(0, label.std() / 5, len(label)))
        return np.where(random.random(len(label)) < 0.05, random.permutation(label), label)
    if task == "regression":
        return np.asarray(np.digitize(label, np.quantile(label, [0.2, 0.4, 0.6, 0.8])).astype(str))
    return np.array([f"code {7 - value:.0f}" for value in label])


def found(frame: pl.DataFrame, task: str) -> list[str]:
    names = [name for name in frame.columns if name != "y"]
    positive = "1" if task == "binary" else None
    return [leak.raw for leak in leaks.find(frame, names, "y", task, positive)[0]]


@pytest.mark.parametrize("task", SETS)
def test_honest_columns_are_no_leaks(task: str) -> None:
    assert found(rows(task), task) == []


@pytest.mark.parametrize("kind", ["copy", "noisy", "code"])
@pytest.mark.parametrize("task", SETS)
def test_a_planted_leak_is_named(task: str, kind: str) -> None:
    frame = rows(task)
    assert found(frame.with_columns(leak=planted(frame, task, kind)), task) == ["leak"]


def test_several_are_named_though_each_hides_the_others() -> None:
    frame = rows("regression")
    more = {kind: planted(frame, "regression", kind) for kind in ("noisy", "code")}
    assert sorted(found(frame.with_columns(**more), "regression")) == ["code", "noisy"]


def test_a_column_that_is_empty_where_the_target_is_unknown_is_named() -> None:
    frame = rows("binary").with_columns(late=pl.Series(np.random.default_rng(0).normal(size=569)))
    unknown = pl.int_range(pl.len()) % 10 == 0
    frame = frame.with_columns(
        pl.when(~unknown).then("y").alias("y"), pl.when(~unknown).then("late").alias("late")
    )
    assert found(frame, "binary") == ["late"]
