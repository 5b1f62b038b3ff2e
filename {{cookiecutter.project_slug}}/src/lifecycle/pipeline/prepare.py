"""Prepare splits by time, the newest days being the holdout, and adds the features.

It reads only a snapshot that validation has passed. It stops the line when a key is in both
parts or a feature uses a column that is not known when the prediction is made. What a feature has
learnt is of the training part alone; what it has learnt of the target, of other rows than its own.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_json, replacing, write_json
from lifecycle.core.command import project_root
from lifecycle.core.frames import labels, learn
from lifecycle.core.params import load_params
from lifecycle.core.window import Window

ROWS_PER_GROUP = 50_000
# Of the training part in its order, which is that of time: so that rows of the same days do not
# tell of each other's target.
FOLDS = 5


def split(
    frame: pl.DataFrame, schema: Schema, window: Window, holdout_days: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (train, holdout): rows before the newest `holdout_days` of `window`, and those.

    Raises:
        StageError: a part would be empty, or a key is in both.
    """
    if holdout_days >= (window.until - window.since).days:
        raise StageError(
            f"prepare.holdout_days is {holdout_days}, and data.window has "
            f"{(window.until - window.since).days} days: some must be left to train on"
        )
    first = window.until - timedelta(days=holdout_days)
    in_holdout = pl.col(schema.time) >= datetime.combine(first, time.min)
    train, holdout = frame.filter(~in_holdout), frame.filter(in_holdout)
    for name, part in (("train", train), ("holdout", holdout)):
        if part.is_empty():
            raise StageError(f"the {name} part has no rows: the holdout begins with {first}")
        if part[schema.target].n_unique() < 2:
            raise StageError(f"{schema.target} has only one value in the {name} part")
    refuse_shared_keys(train, holdout, schema.names("key"))
    return train, holdout


def refuse_shared_keys(train: pl.DataFrame, holdout: pl.DataFrame, keys: list[str]) -> None:
    """Raise a `StageError` when a key is in both parts."""
    shared = holdout.join(train, on=keys, how="semi").height
    if shared:
        raise StageError(f"{shared} rows of the holdout have a key ({', '.join(keys)}) of train")


def require_valid(report: Path, snapshot: Path) -> None:
    """Raise a `StageError` unless the validation report passed."""
    if not read_json(report)["passed"]:
        raise StageError(f"{snapshot} did not pass validation: see {report}")


def with_features(
    train: pl.DataFrame, holdout: pl.DataFrame, schema: Schema
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return both parts with the derived features added.

    What is learnt of the target has, for a row to train on, another value than for one to predict:
    that of the other folds, or the model would read from it what it is to find out.
    """
    fitted = learn(train, schema)
    held = features.on_frame(schema, holdout, fitted)
    if not any(features.is_of_target(node) for node in features.learnt(schema)):
        return features.on_frame(schema, train, fitted), held
    edges = [train.height * fold // FOLDS for fold in range(FOLDS + 1)]
    parts = []
    for begin, end in pairwise(edges):
        others = learn(pl.concat([train[:begin], train[end:]]), schema, of_target=True)
        parts.append(features.on_frame(schema, train[begin:end], {**fitted, **others}))
    return pl.concat(parts), held


def main() -> None:
    """Write train and holdout, each with the features added."""
    params, schema = load_params(), load_schema()
    root, paths = project_root(), params.paths
    require_valid(root / paths.validation_report, root / paths.snapshot)
    snapshot = pl.read_parquet(root / paths.snapshot, glob=False)
    parts = split(snapshot, schema, params.data.window, params.prepare.holdout_days)
    train, holdout = with_features(*parts, schema)
    for part, path in ((train, paths.train), (holdout, paths.holdout)):
        with replacing(root / path) as temporary:
            part.write_parquet(temporary, row_group_size=ROWS_PER_GROUP)
    report = {
        "features": features.names(schema),
        "snapshot_md5": md5(root / paths.snapshot),
        **{
            name: {
                "rows": part.height,
                "first": str(part[schema.time].min()),
                "last": str(part[schema.time].max()),
                "target_mean": float(labels(part, schema).mean()),
            }
            for name, part in (("train", train), ("holdout", holdout))
        },
    }
    write_json(root / paths.prepare_report, report)
    first = params.data.window.until - timedelta(days=params.prepare.holdout_days)
    print(f"prepare: {train.height} rows to train on, {holdout.height} held out ({first} on)")
