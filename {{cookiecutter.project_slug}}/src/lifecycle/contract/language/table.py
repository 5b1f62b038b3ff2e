"""The small tables beside features.py: CSV files whose first column is what is looked up.

They are read when features are learnt; from then on the model's file has what they held.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from project import features as definition

FOLDER = Path(str(definition.__file__)).parent / "tables"
MOST_ROWS = 10_000


def read(
    name: str, column: str, *, as_number: bool, by_text: bool
) -> dict[str, float | str | None]:
    """Return a column of a table by its first one, sorted; an empty cell is None.

    Raises:
        ValueError: there is no such file or column, a key is missing, no whole number or there
            twice, or a value is no number.
    """
    said, (header, *rows) = f"tables/{name}", _rows(name)
    if column not in header[1:]:
        raise ValueError(f"{said} has no column {column} beside its first one")
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{said} has {len(rows)} rows; a table has {MOST_ROWS} at most")
    found: dict[str, float | str | None] = {}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header) or not row[0]:
            raise ValueError(f"{said}: line {line} has no key, or not a value for each column")
        key = row[0] if by_text else _whole(row[0], said)
        if key in found:
            raise ValueError(f"{said}: {key} stands there twice")
        value = row[header.index(column)]
        found[key] = (_number(value, said) if as_number else value) if value else None
    return dict(sorted(found.items()))


def _rows(name: str) -> list[list[str]]:
    path = FOLDER / name
    if Path(name).name != name or not path.is_file():
        raise ValueError(f"there is no file src/project/tables/{name}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return [row for row in csv.reader(handle, strict=True) if row] or [[]]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"tables/{name} cannot be read: {error}") from None


def _whole(text: str, said: str) -> str:
    try:
        return str(int(text))
    except ValueError:
        raise ValueError(f"{said}: {text} is no whole number, as what is looked up") from None


def _number(text: str, said: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{said}: {text} is no number: lookup_text gives text")
    return value
