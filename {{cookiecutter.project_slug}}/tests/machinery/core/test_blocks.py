"""Neighbours stay together: rows of a day, of a group, or each row for itself."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.core.blocks import of_rows


def test_rows_of_a_day_are_neighbours(schema: Schema) -> None:
    moments = [datetime(2013, 5, 2, 23, 59), datetime(2013, 5, 1), datetime(2013, 5, 2)]
    found = of_rows(pl.DataFrame({schema.time: moments}), schema)
    assert [str(day) for day in found] == ["2013-05-02", "2013-05-01", "2013-05-02"]
