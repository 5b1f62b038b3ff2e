"""What is known of flights: their label, and what is derived of their times."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema


def test_the_label_follows_the_delay_at_arrival(snapshot: pl.DataFrame, schema: Schema) -> None:
    assert (snapshot[schema.target] == (snapshot["arrival_delay"] > 15)).all()
    assert 0.05 < snapshot[schema.target].cast(pl.Float64).mean() < 0.6  # type: ignore[operator]


def test_a_flight_over_midnight_takes_less_than_a_day(schema: Schema) -> None:
    frame = pl.DataFrame(
        {
            schema.clock: [datetime(2013, 5, 31, 23, 30)],
            "scheduled_arrival_minute": [15],
            "temperature": [60.0],
            "dewpoint": [None],
        },
        schema_overrides={"dewpoint": pl.Float64},
    )
    row = features.on_frame(schema, frame).row(0, named=True)
    assert row["departure_minute"] == 23 * 60 + 30
    assert row["scheduled_minutes"] == 45
    assert row["weekday"] == 5
    assert row["dewpoint_spread"] is None
