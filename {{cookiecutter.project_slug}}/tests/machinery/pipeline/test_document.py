"""What is written down about the project is what the project is."""

from __future__ import annotations

from lifecycle.contract.columns import Schema
from lifecycle.pipeline import document


def test_every_column_has_a_row(schema: Schema) -> None:
    lines = document.table(schema).splitlines()
    for column in schema.columns:
        (line,) = [one for one in lines if one.startswith(f"| `{column.name}` |")]
        assert line.count("|") == 8
        assert column.description in line


def test_the_zone_of_a_column_is_said(schema: Schema) -> None:
    zoned = schema[schema.clock].model_copy(update={"zone": "America/New_York"})
    columns = (zoned if c.name == schema.clock else c for c in schema.columns)
    assert "| datetime (America/New_York) |" in document.table(Schema(columns=tuple(columns)))
