"""Document writes docs/columns.md from schema.yaml, so that the table cannot lag behind it."""

from __future__ import annotations

from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.contract.files import write_text
from lifecycle.core.command import project_root

HEAD = """# Columns

Made from `schema.yaml` by `make docs`; change it there.

| column | type | roles | description | unit | limits | may be null |
| --- | --- | --- | --- | --- | --- | --- |
"""


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
    rows = [
        f"| `{c.name}` | {c.type}{f' ({c.zone})' if c.zone else ''} | {', '.join(c.roles)} "
        f"| {c.description} | {c.unit} "
        f"| {limits(c)} | {f'up to {c.null_share:.0%}' if c.null_share else 'no'} |"
        for c in schema.columns
    ]
    return HEAD + "\n".join(rows) + "\n"


def main() -> None:
    """Write the page."""
    write_text(project_root() / "docs" / "columns.md", table(load_schema()))
