"""A made-up data set without time: rows with a number, of a few wards or of none."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params


def schema_of(*, group: bool = False) -> Schema:
    """Return its schema, with or without the role group."""
    told: dict[str, Any] = {
        "number": {"type": "integer", "roles": ["key"]},
        "ward": {"type": "string", "roles": ["group" if group else "ignored"], "null_share": 0.5},
        "x": {"type": "float", "roles": ["feature"]},
        "ill": {"type": "boolean", "roles": ["target"]},
    }
    return Schema.model_validate(
        {"columns": {name: {"description": name, **one} for name, one in told.items()}}
    )


def rows(count: int, wards: int = 20, share: float = 0.1) -> pl.DataFrame:
    """Return rows, the share of them ill; one in ten is of no ward."""
    draw = np.random.default_rng(count)
    ward = [f"ward {one}" if one else None for one in draw.integers(0, wards, count)]
    return pl.DataFrame({
        "number": range(count), "ward": ward, "x": draw.random(count),
        "ill": [n < round(share * count) for n in range(count)],
    }, schema_overrides={"ward": pl.String})  # fmt: skip


def params_of(params: Params, share: float = 0.2) -> Params:
    """Return the parameters for it."""
    return params.model_copy(update={
        "data": params.data.model_copy(update={"window": None}),
        "prepare": type(params.prepare)(holdout_share=share),
    })  # fmt: skip
