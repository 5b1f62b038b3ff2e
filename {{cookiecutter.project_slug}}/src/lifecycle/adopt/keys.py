"""What names a row, and what holds between columns: candidates of some rows, held against all."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from lifecycle.adopt import sketch
from lifecycle.adopt.columns import Typed
from lifecycle.adopt.profile import ROWS_AT_ONCE
from lifecycle.contract.columns import Column
from lifecycle.core import reading

# Rows from the beginning of the source that candidates are made of, and how many of those.
FIRST_ROWS, MOST_CANDIDATES, MOST_PARTS = 20_000, 12, 12
ID = re.compile(r"(?i:(?:^|_)(?:id|uuid|guid|identifier))$|[a-z](?:ID|Id)$")
NUMBERED = re.compile(r"(?i)(?:^|_)(?:no|nr|num|number|index|key|code)$")


def is_named_id(name: str) -> bool:
    """Say whether a column is called an identifier."""
    return bool(ID.search(re.sub(r"\W+", "_", name).strip("_")))


def alone(columns: Iterable[Typed]) -> str | None:
    """Return the column that names a row by itself, if there is one."""
    found = [
        column for column in columns
        if column.tally.is_unique and column.type in ("integer", "string", "category")
        and column.tally.rows > 1 and not column.said.startswith(("dates", "mixed"))
    ]  # fmt: skip
    found.sort(key=lambda one: (not is_named_id(one.raw), not NUMBERED.search(one.raw),
                                one.type != "integer", len(one.raw)))  # fmt: skip
    # Text that no row shares, and that is not called an identifier, is prose or a name.
    good = [one for one in found if one.type == "integer" or is_named_id(one.raw)
            or NUMBERED.search(one.raw) or one.tally.longest <= 40]  # fmt: skip
    return good[0].raw if good else None


def candidates(first: pl.DataFrame, time: str, parts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return sets of columns with the time that name each of the first rows, the smallest ones."""
    found: list[tuple[str, ...]] = []
    for size in (1, 2):
        for chosen in itertools.combinations(parts[:MOST_PARTS], size):
            if any(set(one) <= {time, *chosen} for one in found):
                continue
            if not first.select(time, *chosen).is_duplicated().any():
                found.append((time, *chosen))
    return found[:MOST_CANDIDATES]


@dataclass(frozen=True)
class Held:
    """What held in all rows."""

    keys: list[tuple[str, ...]]
    orders: list[tuple[str, str]]


def hold(
    frame: pl.LazyFrame,
    columns: dict[str, Typed],
    keys: list[tuple[str, ...]],
    orders: list[tuple[str, str]],
    *,
    is_text: bool,
) -> Held:
    """Return those keys that name one row each, and those orders (a <= b) without an exception.

    It reads the source once more, in bounded memory; not at all where nothing is asked.
    """
    if not keys and not orders:
        return Held([], [])
    needed = sorted({name for group in [*keys, *orders] for name in group})
    schema = frame.collect_schema()
    read = {name: reading.read(columns[name].as_column(), schema[name], is_text=is_text)
            for name in needed}  # fmt: skip
    chosen = frame.select(one.value.alias(name) for name, one in read.items())
    with tempfile.TemporaryDirectory() as folder:
        repeats = {key: sketch.Repeats(Path(folder)) for key in keys}
        broken: set[tuple[str, str]] = set()
        for part in chosen.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True):
            for key in keys:
                repeats[key].add(_hashed(part, key))
            above = {(a, b): (part[a] > part[b]).any() for a, b in orders}
            broken |= {pair for pair, is_above in above.items() if is_above}
        found = [key for key in keys if repeats[key].is_unique()]
    return Held(found, [pair for pair in orders if pair not in broken])


def _hashed(part: pl.DataFrame, key: tuple[str, ...]) -> sketch.Hashes:
    return part.select(key).hash_rows(seed=12).to_numpy().astype(np.uint64)


def of_number(name: str) -> Column:
    """Return the column of a row's number, where no column of the source names it."""
    return Column.model_validate({"name": name, "type": "integer", "roles": ["key"],
                                  "description": "Number of the row in the source"})  # fmt: skip
