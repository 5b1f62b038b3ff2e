"""What is written down about the project is what the project is."""

from __future__ import annotations

from pathlib import Path

from lifecycle import document
from lifecycle.columns import Schema


def test_the_table_of_columns_is_current(root: Path, schema: Schema) -> None:
    written = (root / "docs" / "columns.md").read_text(encoding="utf-8")
    assert written == document.table(schema), "run `make docs`"


def test_every_column_has_a_row(schema: Schema) -> None:
    lines = document.table(schema).splitlines()
    for column in schema.columns:
        (line,) = [one for one in lines if one.startswith(f"| `{column.name}` |")]
        assert line.count("|") == 8
        assert column.description in line
