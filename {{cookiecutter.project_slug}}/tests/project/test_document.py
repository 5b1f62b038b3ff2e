"""What is written down about the columns is what they are."""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.columns import Schema
from lifecycle.pipeline import document


def test_the_table_of_columns_is_current(root: Path, schema: Schema) -> None:
    written = (root / "expectations" / "columns.md").read_text(encoding="utf-8")
    assert written == document.table(schema), "run `make docs`"
