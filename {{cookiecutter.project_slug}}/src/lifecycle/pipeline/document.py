"""Document writes docs/columns.md from schema.yaml, so that the table cannot lag behind it."""

from __future__ import annotations

from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.contract.files import write_text
from lifecycle.core.command import project_root
from lifecycle.pages import web


def limits(column: Column) -> str:
    """Say in words which values a column may have."""
    if column.categories:
        rest = f"; others up to {column.unknown_share:.1%}" if column.unknown_share else ""
        few = len(column.categories) <= 5
        names = ", ".join(column.categories) if few else f"{len(column.categories)} categories"
        return names + rest
    low, high = column.minimum, column.maximum
    if low is None or high is None:
        return f"from {low:g}" if low is not None else f"up to {high:g}" if high is not None else ""
    return f"{low:g} to {high:g}"


def table(schema: Schema) -> str:
    """Return the page: a row for each column."""
    return web.render("pipeline/templates/columns.md", columns=schema.columns, limits=limits)


def main() -> None:
    """Write the page."""
    write_text(project_root() / "docs" / "columns.md", table(load_schema()))
