"""Without time whole groups are held out, or a share of each class: always the same rows."""

from __future__ import annotations

import polars as pl
import pytest
import timeless
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.pipeline import held_out, prepare

SHARES = st.sampled_from([0.1, 0.2, 0.33, 0.5])


def numbers(part: pl.DataFrame) -> set[int]:
    return set(part["number"])


@given(count=st.integers(4, 400), share=SHARES, ill=st.sampled_from([0.05, 0.3]))
def test_the_share_is_held_out_of_each_class(count: int, share: float, ill: float) -> None:
    rows = timeless.rows(count, share=ill)
    train, holdout = held_out.split(rows, timeless.schema_of(), share, 0)
    assert numbers(train) | numbers(holdout) == numbers(rows)
    assert not numbers(train) & numbers(holdout)
    for kind in (True, False):
        whole = int((rows["ill"] == kind).sum())
        held = int((holdout["ill"] == kind).sum())
        # Of two and more one is held out at least, and one left.
        assert abs(held - share * whole) <= 0.5 or held in (1, whole - 1)
        assert whole < 2 or 0 < held < whole


@given(count=st.integers(30, 400), share=SHARES, wards=st.integers(3, 40))
def test_no_group_is_in_both_parts(count: int, share: float, wards: int) -> None:
    rows = timeless.rows(count, wards)
    train, holdout = held_out.split(rows, timeless.schema_of(group=True), share, 0)
    assert not set(train["ward"].drop_nulls()) & set(holdout["ward"].drop_nulls())
    assert train.height + holdout.height == count
    assert min(train.height, holdout.height) > 0
    # No nearer than half of the largest group.
    largest = max(rows["ward"].drop_nulls().value_counts()["count"].to_list())
    assert abs(holdout.height - share * count) <= largest / 2 + 0.5


@pytest.mark.parametrize("group", [True, False])
def test_the_order_of_the_rows_changes_nothing(group: bool) -> None:
    rows, schema = timeless.rows(300), timeless.schema_of(group=group)
    parts = held_out.split(rows, schema, 0.2, 0)
    again = held_out.split(rows.reverse(), schema, 0.2, 0)
    assert all(one.equals(other) for one, other in zip(parts, again, strict=True))
    # Not sorted by class: the last rows to train on say when to stop adding trees.
    assert 0 < parts[0]["ill"].tail(60).sum() < 20


def test_another_seed_holds_out_others() -> None:
    rows, schema = timeless.rows(300), timeless.schema_of()
    one, other = (numbers(held_out.split(rows, schema, 0.2, seed)[1]) for seed in (0, 1))
    assert len(one & other) < 30


@pytest.mark.parametrize("group", [True, False])
def test_new_rows_move_hardly_any_that_was_there(group: bool) -> None:
    rows, schema = timeless.rows(1000, wards=200), timeless.schema_of(group=group)
    before = numbers(held_out.split(rows[:900], schema, 0.2, 0)[0])
    after = numbers(held_out.split(rows, schema, 0.2, 0)[1])
    # What was trained on before and is held out now is left out of the comparison.
    assert len(before & after) <= 0.15 * len(after)


def test_the_draw_is_the_same_everywhere() -> None:
    found = held_out.drawn(timeless.rows(2), ["number", "ward"], 0)
    assert found.to_list() == [16782811572770434611, 7010269513766318425]


def test_numbers_are_no_classes() -> None:
    rows = timeless.rows(100).with_columns(ill=pl.col("number").cast(pl.Float64))
    whole = timeless.schema_of()
    columns = tuple(
        one.model_copy(update={"type": "float"}) if one.name == "ill" else one
        for one in whole.columns
    )
    schema = whole.model_copy(update={"columns": columns})
    _, holdout = held_out.split(rows, schema, 0.2, 0)
    assert holdout.height == 20


def test_one_group_cannot_be_split() -> None:
    rows = timeless.rows(50).with_columns(ward=pl.lit("ward 1"))
    with pytest.raises(StageError, match=r"all rows are of one group \(ward\)"):
        held_out.split(rows, timeless.schema_of(group=True), 0.2, 0)


def test_prepare_takes_it_where_there_is_no_time(real_params: Params) -> None:
    rows, schema, params = (
        timeless.rows(300), timeless.schema_of(), timeless.params_of(real_params)
    )  # fmt: skip
    train, holdout = prepare.parts_of(rows, params, schema)
    assert (train.height, holdout.height) == (240, 60)
    with pytest.raises(StageError, match="ill has only one value in the train part"):
        prepare.parts_of(rows.filter("ill"), params, schema)


def test_a_fold_begins_with_a_group() -> None:
    train, _ = held_out.split(timeless.rows(400), timeless.schema_of(group=True), 0.2, 0)
    edges = prepare.fold_edges(train, timeless.schema_of(group=True))
    assert (edges[0], edges[-1]) == (0, train.height)
    assert len(edges) > 3
    for edge in edges[1:-1]:
        before, after = train["ward"][edge - 1], train["ward"][edge]
        assert before is None or before != after
