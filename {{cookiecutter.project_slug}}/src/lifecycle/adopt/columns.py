"""The type of each column in schema.yaml, by what the source holds."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lifecycle.adopt import kinds
from lifecycle.adopt.profile import TEXTS, Profile, Tally, is_strange
from lifecycle.contract import values
from lifecycle.contract.columns import Column
from lifecycle.core import reading

# A category has at most so many values, and each of them a few rows: of others trees learn noise.
MOST_CATEGORIES, ROWS_A_CATEGORY = 250, 4
# A value as text is no longer than a request may have it.
LONGEST = values.LONGEST_TEXT


@dataclass(frozen=True)
class Typed:
    """A column with its type."""

    raw: str
    name: str
    type: str
    tally: Tally
    said: str = ""
    is_zoned: bool = False
    is_beyond: bool = False

    def as_column(self) -> Column:
        """Return it as the schema would have it, to be read by the rule of ingest."""
        kind = "string" if self.type == "category" else self.type
        zone = "UTC" if self.is_zoned else None
        return Column.model_validate({"name": self.raw, "type": kind, "roles": ["ignored"],
                                      "description": "-", "zone": zone})  # fmt: skip


def typed(profile: Profile, names: dict[str, str]) -> dict[str, Typed]:
    """Return each column that a schema can have, by its name in the source."""
    found = {}
    for raw, tally in profile.columns.items():
        made = _kind(tally, is_text=profile.is_text)
        if made.type:
            found[raw] = Typed(raw, names[raw], made.type, tally, made.said, made.is_zoned,
                               made.is_beyond)  # fmt: skip
    return found


def left_out(profile: Profile) -> dict[str, list[str]]:
    """Return the columns that no schema can have, by the reason."""
    found: dict[str, list[str]] = {}
    for raw, tally in profile.columns.items():
        made = _kind(tally, is_text=profile.is_text)
        if not made.type:
            found.setdefault(made.said, []).append(raw)
    return found


def _kind(tally: Tally, *, is_text: bool) -> kinds.Kind:
    dtype = tally.dtype
    if is_strange(dtype):
        return kinds.Kind("", "lists, structs, bytes or times of a day, which no schema has")
    if not tally.known:
        return kinds.Kind("string", "it is empty: it has no value in any row")
    if dtype == pl.Boolean:
        return kinds.Kind("boolean")
    if dtype.is_numeric() and _is_flag(tally):
        return kinds.Kind("boolean")
    if dtype.is_integer():
        return _nullable(tally, _whole(tally))
    if dtype.is_numeric():
        if tally.not_finite:
            return kinds.Kind("", f"{tally.not_finite} values are infinite or NaN, which no number "
                                  "may be: give null")  # fmt: skip
        return _float(tally)
    if dtype in (pl.Date, pl.Datetime):
        zone = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        found = kinds.moments({"zoned": tally.known, **tally.shapes}, tally.known,
                              is_zoned=bool(zone))  # fmt: skip
        return kinds.Kind("", found.said) if found.type == "string" else found
    found = kinds.of_text(tally.shapes, tally.known)
    if found.type in ("integer", "float") and tally.not_finite:
        said = f"{tally.not_finite} values are beyond every number: give null"
        found = kinds.Kind("string", said)
    elif found.type == "float":
        found = _float(tally)
    if not is_text and found.type not in ("string", "datetime"):
        said = (f"text that looks like {found.type}, which ingest would refuse: cast it in the "
                "source")  # fmt: skip
        found = kinds.Kind("string", said)
    return _text(tally, found) if found.type == "string" else _nullable(tally, found)


def _nullable(tally: Tally, found: kinds.Kind) -> kinds.Kind:
    """Let whole numbers beside nulls be floats, as pandas and the model have them."""
    if found.type == "integer" and tally.nulls and not found.said:
        return kinds.Kind("float")
    return found


def _largest(tally: Tally) -> float:
    return max(abs(tally.minimum or 0), abs(tally.maximum or 0))


def _float(tally: Tally) -> kinds.Kind:
    if _largest(tally) > values.LARGEST_FLOAT:
        said = (f"numbers beyond {values.LARGEST_FLOAT:g}, which the model cannot hold: give them "
                "in a larger unit")  # fmt: skip
        return kinds.Kind("float", said, is_beyond=True)
    return kinds.Kind("float")


def _whole(tally: Tally) -> kinds.Kind:
    if _largest(tally) >= 2**63:
        return kinds.Kind("", "whole numbers beyond 2^63: write them as text")
    if _largest(tally) > values.LARGEST_INTEGER:
        return kinds.Kind("integer", "whole numbers beyond 2^53, where a float loses digits: write "
                                     "them as text", is_beyond=True)  # fmt: skip
    return kinds.Kind("integer")


def _is_flag(tally: Tally) -> bool:
    limits = (tally.minimum, tally.maximum)
    return tally.distinct == 2 and limits == (0.0, 1.0) and not tally.not_finite


def _text(tally: Tally, found: kinds.Kind) -> kinds.Kind:
    """Tell categories from other text."""
    counted = tally.values
    if not counted or tally.longest > LONGEST or found.said.startswith(("dates", "mixed")):
        return found
    few = len(counted) <= MOST_CATEGORIES and len(counted) * ROWS_A_CATEGORY <= tally.known
    # Two or three values of a handful of rows are categories as well.
    return kinds.Kind("category", found.said) if few or len(counted) <= 3 < tally.known else found


def values_of(columns: dict[str, Typed], profile: Profile) -> pl.DataFrame:
    """Return the sample's rows with every column in its type, as ingest would read it."""
    made = []
    for raw, column in columns.items():
        schema_column = column.as_column()
        read = reading.read(schema_column, profile.sample.schema[raw], is_text=profile.is_text)
        made.append(read.kept(read.value).alias(raw))
    return profile.sample.select(made)


def is_text(column: Typed) -> bool:
    """Say whether the source has a column as text."""
    return column.tally.dtype in TEXTS
