"""Which rows are held out where the data has no time: drawn by what identifies them.

The draw is a hash of the group, else of the key, and of prepare.seed. So it depends on neither the
order of the rows nor on how many there are: rows that come later move the border between the parts
by a few rows, and never shuffle them. Who compares two models leaves out the rows on which the
other one was trained (release/unseen.py).
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError

# Where a group, and a row, stands in the order of the draw.
PLACE, OWN = "_place", "_own"


def drawn(frame: pl.DataFrame, names: list[str], seed: int) -> pl.Series:
    """Return a number for each row, by the values of the columns: the same on every machine."""
    salt = f"{seed}\0".encode()

    def number(values: tuple[object, ...]) -> int:
        content = salt + json.dumps(values, default=str).encode()
        return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")

    return pl.Series([number(row) for row in frame.select(names).iter_rows()], dtype=pl.UInt64)


def split(
    frame: pl.DataFrame, schema: Schema, share: float, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (train, holdout), each in the order of the draw: no group is in both.

    Without groups the share is held out of each class of the target.

    Raises:
        StageError: all rows are of one group.
    """
    own = drawn(frame, schema.names("key"), seed)
    place = own
    if schema.group is not None:
        groups = drawn(frame, [schema.group], seed)
        place = pl.select(pl.when(frame[schema.group].is_null()).then(own).otherwise(groups))[:, 0]
    whole = frame.with_columns(place.alias(PLACE), own.alias(OWN)).sort(PLACE, OWN)
    is_held = _of_groups(whole, schema.group, share) if schema.group else _of_classes(schema, share)
    parts = (whole.filter(one).drop(PLACE, OWN) for one in (~is_held, is_held))
    return next(parts), next(parts)


def _of_groups(whole: pl.DataFrame, group: str, share: float) -> pl.Expr:
    """Say which rows are of the first groups of the draw, as many as come nearest to the share."""
    sizes = whole.group_by(PLACE).len().sort(PLACE)
    if sizes.height < 2:
        raise StageError(
            f"all rows are of one group ({group}), and no group is in both parts",
            "give the role group to another column, or to none",
        )
    distance = (sizes["len"].cast(pl.Int64).cum_sum() - share * whole.height).abs()
    last = np.argmin(distance.head(sizes.height - 1).to_numpy())
    return pl.col(PLACE).le(sizes[PLACE][int(last)])


def _of_classes(schema: Schema, share: float) -> pl.Expr:
    """Say which rows come first in the draw, of each class of the target, of numbers of them all.

    Of a class with two rows and more, one at least is held out, and one left.
    """
    count, place = pl.len(), pl.col(PLACE).rank("ordinal")
    if schema[schema.target].type in ("boolean", "category"):
        count, place = count.over(schema.target), place.over(schema.target)
    wanted = (share * count).round().clip(1, None)
    return place <= pl.min_horizontal(wanted, count.cast(pl.Float64) - 1)
