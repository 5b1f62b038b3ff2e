"""Neighbours stay together: rows of a day, of a group, or each row for itself."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import timeless

from lifecycle.contract.columns import Schema
from lifecycle.core.blocks import DRAWS, drawn, of_rows


def test_rows_of_a_day_are_neighbours(schema: Schema) -> None:
    moments = [datetime(2013, 5, 2, 23, 59), datetime(2013, 5, 1), datetime(2013, 5, 2)]
    found = of_rows(pl.DataFrame({schema.clock: moments}), schema)
    assert [str(day) for day in found] == ["2013-05-02", "2013-05-01", "2013-05-02"]


def test_without_time_a_group_is_and_a_row_without_one_stands_alone() -> None:
    rows = pl.DataFrame({"ward": ["b", "a", "b", None, None]})
    found = of_rows(rows, timeless.schema_of(group=True))
    assert found[0] == found[2]
    assert len(set(found)) == 4
    # A private one is not in the log.
    assert len(set(of_rows(rows.drop("ward"), timeless.schema_of(group=True)))) == 5
    assert len(set(of_rows(rows, timeless.schema_of()))) == 5


def test_what_is_drawn_has_whole_blocks_and_about_as_many_rows() -> None:
    rows = timeless.rows(1000, wards=100).drop_nulls()
    sizes = dict(rows["ward"].value_counts().iter_rows())
    parts = drawn(rows, timeless.schema_of(group=True), 200)
    assert len(parts) == DRAWS
    assert 150 < sum(part.height for part in parts) / DRAWS < 250
    for part in parts:
        counts = part["ward"].value_counts()
        assert all(count % sizes[ward] == 0 for ward, count in counts.iter_rows())
    # Where the reference is smaller than a window, it is drawn more than once.
    assert drawn(rows[:5], timeless.schema_of(), 20)[0].height == 20
