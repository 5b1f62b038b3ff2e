"""The weeks are what schema.yaml says they are, and so are their features."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.core.reading import TYPES
from lifecycle.pipeline import document
from project.shared.seasons import HIGHEST

ROOT = Path(__file__).parents[2]


def test_the_snapshot_has_the_columns_of_the_schema(snapshot: pl.DataFrame, schema: Schema) -> None:
    assert snapshot.schema == {column.name: TYPES[column.type] for column in schema.columns}
    assert snapshot.select(schema.names("key")).is_duplicated().sum() == 0


def test_a_week_rises_where_the_next_one_is_higher(snapshot: pl.DataFrame) -> None:
    follows = (pl.col("week").shift(-1) - pl.col("week")).dt.total_days() == 7
    known = snapshot.with_columns(next=pl.col("level").shift(-1)).filter(follows)
    assert known.height > 700
    assert (known["rises"] == (known["next"] > known["level"])).all()
    assert 0.4 < known["rises"].mean() < 0.8  # type: ignore[operator]


def test_days_are_counted_from_the_highest_one(schema: Schema) -> None:
    weeks = [datetime(1999, 1, 1), datetime(1999, 5, 16), datetime(1999, 5, 17)]
    made = features.on_frame(schema, pl.DataFrame({"week": weeks}))
    assert made["days_since_highest"].to_list() == [1 - HIGHEST + 366, 0, 1]


def test_the_table_of_columns_is_current(schema: Schema) -> None:
    written = (ROOT / "expectations" / "columns.md").read_text(encoding="utf-8")
    assert written == document.table(schema), "run `make docs`"
