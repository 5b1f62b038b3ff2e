"""Tables for the tests of adopt, and what adopt makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from folders import EXAMPLE

from lifecycle.adopt import columns, names, profile, settle
from lifecycle.adopt.asked import Asked, Said
from lifecycle.adopt.columns import Typed
from lifecycle.adopt.opening import Opened
from lifecycle.adopt.plan import Plan
from lifecycle.adopt.profile import Profile
from lifecycle.core.params import load_params

# Few trees: what is tested is what follows from their figures.
TRAIN = load_params(EXAMPLE / "params.yaml").train.model_copy(
    update={"maximum_trees": 30, "early_stopping_rounds": 5, "threads": 1}
)


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table as a CSV file has it."""
    return pl.read_csv(frame.write_csv().encode(), infer_schema=False)


def profiled(frame: pl.DataFrame, *, is_text: bool = True) -> tuple[Profile, dict[str, Typed]]:
    """Return what is known of a table, and the type of each column."""
    given = as_text(frame) if is_text else frame
    found = profile.of_source(given.lazy(), is_text=is_text)
    return found, columns.typed(found, names.of_source(frame.columns))


def typed(values: list[Any]) -> Typed:
    """Return the column that some texts are."""
    frame = pl.DataFrame({"x": values}, schema={"x": pl.String})
    found = profile.of_source(frame.lazy(), is_text=True)
    return columns.typed(found, {"x": "x"})["x"]


def settled(frame: pl.DataFrame, target: str, **asked: Any) -> tuple[Plan, Said]:
    """Return the plan of a table, and what was said."""
    said = Said()
    opened = Opened(as_text(frame).lazy(), True, {"kind": "csv", "path": "rows.csv"})
    return settle.settle(opened, Asked("rows.csv", target, **asked), said, TRAIN), said


def table(rows: int = 400, seed: int = 1) -> pl.DataFrame:
    """Return rows with a target that two of the columns tell half of."""
    random = np.random.default_rng(seed)
    size, share = random.normal(50, 10, rows), random.random(rows)
    known = 0.15 * (size - 50) + 2 * (share - 0.5) + random.logistic(0, 1, rows)
    return pl.DataFrame({
        "id": np.arange(rows) + 1_000, "size": size.round(2), "share": share.round(4),
        "colour": random.choice(["red", "green", "blue"], rows), "bought": known > 0,
    })  # fmt: skip
