"""Document writes expectations/columns.md from schema.yaml, so that the table cannot lag behind it.

The line stops where a link of README.md or docs/ leads nowhere.
"""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text
from lifecycle.core.command import project_root
from lifecycle.pages import links, web


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


def dead_links(root: Path) -> list[str]:
    """Return each link of README.md and docs/ that leads nowhere in this repository."""
    return links.dead(root, [root / "README.md", *sorted((root / "docs").rglob("*.md"))])


def main() -> None:
    """Write the page, and ask whether every link leads somewhere."""
    root = project_root()
    write_text(root / "expectations" / "columns.md", table(load_schema()))
    if dead := dead_links(root):
        raise StageError(f"links that lead nowhere: {', '.join(dead)}")
