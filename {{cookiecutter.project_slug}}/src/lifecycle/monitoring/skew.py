"""Training/serving skew: features as logged, against the same rows by the training path."""

from __future__ import annotations

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.privacy import logged_features
from lifecycle.core.reading import TYPES
from lifecycle.monitoring.alerts import Alert
from lifecycle.pipeline.reference import FEATURE


def differences(rows: pl.DataFrame, schema: Schema, fitted: features.Fitted) -> dict[str, int]:
    """Return, for each logged feature, the rows in which training would have computed another one.

    Exactly: both paths compute in 64 bits, with what the version that answered has learnt
    (`fitted`). What is private is not in the log, and is not compared.
    """
    request = rows.select(
        pl.col(name) if name in rows.columns and schema[name].private is None
        else pl.lit(None, TYPES[schema[name].type]).alias(name)
        for name in schema.request
    )  # fmt: skip
    ours = features.on_frame(schema, request, fitted)
    found = {}
    for name in logged_features(schema):
        if name in schema.request and schema[name].private:
            continue  # its hash stands on both sides
        computed, logged = ours[name], rows[FEATURE + name]
        if computed.dtype != pl.String:
            computed, logged = (part.cast(pl.Float64).fill_nan(None) for part in (computed, logged))
        found[name] = int((~computed.eq_missing(logged)).sum())
    return found


def alerts(found: dict[str, int], rows: int, window: str) -> list[Alert]:
    """Return an alert for each feature that differs anywhere."""
    return [
        Alert("skew", name, f"{name} as logged differs from what training computes in {count} of "
              f"{rows} rows", (window,))
        for name, count in found.items()
        if count
    ]  # fmt: skip
