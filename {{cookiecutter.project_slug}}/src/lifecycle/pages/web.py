"""What every page and every Markdown text that a command writes is made of: templates.

A template is named by its path below src/lifecycle, and lies in the folder of the part that it
belongs to. In HTML everything is escaped; what a template asks for and is not there is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

FOLDER = Path(__file__).parents[1]
NUMBER = re.compile(r"[-+]?\d[\d.,]*\s?%?( \(.*\)| \[.*\])?")
CODE = re.compile(r"`([^`]+)`")
LONG = 40


@dataclass(frozen=True)
class Cell:
    """A table's cell that is more than text: `bad`, `good` or `open`, or with a longer title."""

    text: str
    mark: str = ""
    title: str = ""


class Missing(StrictUndefined):
    """What is not there, named as a dictionary would: reports are read by templates as well."""

    def __init__(self, hint: str | None = None, obj: Any = None, name: str | None = None,
                 exc: type[Exception] = KeyError) -> None:  # fmt: skip
        super().__init__(hint or name, obj, name, KeyError)  # type: ignore[arg-type]


@cache
def environment() -> Environment:
    """Return what renders templates."""
    made = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=select_autoescape(), undefined=Missing,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        extensions=["jinja2.ext.do"],
    )  # fmt: skip
    made.globals["cell"] = Cell
    made.filters |= {"form": format, "laid": laid, "moment": moment, "pieces": CODE.split}
    return made


def render(template: str, **values: Any) -> str:
    """Return a template filled with values.

    Raises:
        KeyError: the template asks for what is not there.
    """
    return environment().get_template(template).render(values)


def laid(rows: Sequence[Sequence[Any]], columns: int) -> tuple[list[str], list[list[Cell]]]:
    """Return the class of each column, and every cell as one.

    Columns of numbers are set to the right, long text may go over several lines.
    """
    cells = [[Cell(one) if isinstance(one, str) else one if isinstance(one, Cell)
              else Cell(str(one)) for one in row] for row in rows]  # fmt: skip
    return [_column(cells, place) for place in range(columns)], cells


def _column(rows: Sequence[Sequence[Cell]], place: int) -> str:
    texts = [row[place].text for row in rows if row[place].text]
    if place and texts and all(NUMBER.fullmatch(text) for text in texts):
        return "number"
    return "long" if any(len(text) > LONG for text in texts) else ""


def moment(text: object, *, seconds: bool = False) -> str:
    """Return a time of a report as people write it, in UTC; what is no time stays as it is."""
    try:
        when = datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return str(text)
    return f"{when:%Y-%m-%d %H:%M:%S}" if seconds else f"{when:%Y-%m-%d %H:%M} UTC"
