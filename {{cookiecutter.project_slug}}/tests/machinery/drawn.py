"""Records that a schema allows, drawn at random."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from lifecycle.contract.columns import Column, Schema

Record = dict[str, Any]


def draw(column: Column, chance: random.Random) -> Any:
    """Return one value that the column allows, as JSON has it."""
    if chance.random() < min(column.null_share, 0.5):
        return None
    low, high = column.minimum or 0, 100 if column.maximum is None else column.maximum
    if column.type == "datetime":
        return (datetime(2013, 1, 1) + timedelta(minutes=chance.randrange(525_600))).isoformat()
    if column.type == "category":
        return chance.choice(column.categories)
    if column.type == "boolean":
        return chance.random() < 0.5
    if column.type == "integer":
        return chance.randint(int(low), int(high))
    return chance.uniform(low, high) if column.type == "float" else "text"


def draw_records(schema: Schema, count: int, seed: int) -> list[Record]:
    """Return records that the schema allows."""
    chance = random.Random(seed)
    return [{name: draw(schema[name], chance) for name in schema.request} for _ in range(count)]
