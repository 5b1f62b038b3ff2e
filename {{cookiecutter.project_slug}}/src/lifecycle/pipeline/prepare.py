"""Prepare splits, the newest days being the holdout, or a share by groups, and adds the features.

It reads only a snapshot that validation has passed. It stops the line when a key is in both
parts or a feature uses a column that is not known when the prediction is made. What a feature has
learnt is of the training part alone; what it has learnt of the target, of other rows than its own.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_json, replacing, write_json
from lifecycle.core.blocks import of_rows
from lifecycle.core.command import project_root
from lifecycle.core.frames import learn
from lifecycle.core.params import Params, load_params
from lifecycle.core.timing import window_of
from lifecycle.core.window import Window
from lifecycle.pipeline import held_out

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
    in_holdout = pl.col(schema.clock) >= datetime.combine(first, time.min)
    train, holdout = frame.filter(~in_holdout), frame.filter(in_holdout)
    require_parts(train, holdout, schema, f"the holdout begins with {first}")
    return train, holdout


def parts_of(
    frame: pl.DataFrame, params: Params, schema: Schema
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (train, holdout): by time where the data has it, else by groups or rows.

    Raises:
        StageError: see `split`, `held_out.split` and `window_of`.
    """
    window, how = window_of(params, schema), params.prepare
    if window is not None:
        assert how.holdout_days is not None
        return split(frame, schema, window, how.holdout_days)
    assert how.holdout_share is not None
    train, holdout = held_out.split(frame, schema, how.holdout_share, how.seed)
    require_parts(train, holdout, schema, f"{how.holdout_share:.0%} of {frame.height} are held out")
    return train, holdout


def require_parts(train: pl.DataFrame, holdout: pl.DataFrame, schema: Schema, why: str) -> None:
    """Let each part have rows and more than one outcome, and no key of the other.

    Raises:
        StageError: one has not; `why` a part has no rows.
    """
    for name, part in (("train", train), ("holdout", holdout)):
        if part.is_empty():
            raise StageError(f"the {name} part has no rows: {why}")
        if part[schema.target].n_unique() < 2:
            raise StageError(f"{schema.target} has only one value in the {name} part")
    refuse_shared_keys(train, holdout, schema.names("key"))


def refuse_shared_keys(train: pl.DataFrame, holdout: pl.DataFrame, keys: list[str]) -> None:
    """Raise a `StageError` when a key is in both parts."""
    shared = holdout.join(train, on=keys, how="semi").height
    if shared:
        raise StageError(f"{shared} rows of the holdout have a key ({', '.join(keys)}) of train")


def require_valid(report: Path, snapshot: Path) -> None:
    """Raise a `StageError` unless the validation report passed."""
    if not read_json(report)["passed"]:
        raise StageError(f"{snapshot} did not pass validation: see {report}")


def fold_edges(train: pl.DataFrame, schema: Schema) -> list[int]:
    """Return where the folds begin, and the end: without time none begins within a group."""
    edges = [train.height * fold // FOLDS for fold in range(FOLDS + 1)]
    if schema.time is None:
        block = of_rows(train, schema)
        begins = np.flatnonzero(np.r_[True, block[1:] != block[:-1], True])
        edges = [int(begins[np.searchsorted(begins, edge)]) for edge in edges]
    return sorted(set(edges))


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
    edges = fold_edges(train, schema)
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
    train, holdout = with_features(*parts_of(snapshot, params, schema), schema)
    for part, path in ((train, paths.train), (holdout, paths.holdout)):
        with replacing(root / path) as temporary:
            part.write_parquet(temporary, row_group_size=ROWS_PER_GROUP)
    report = {
        "features": features.names(schema),
        "snapshot_md5": md5(root / paths.snapshot),
        **{
            name: {
                "rows": part.height,
                **(
                    {"first": str(part[schema.time].min()), "last": str(part[schema.time].max())}
                    if schema.time
                    else {}
                ),
                "target_share": part[schema.target].mean(),
            }
            for name, part in (("train", train), ("holdout", holdout))
        },
    }
    write_json(root / paths.prepare_report, report)
    print(f"prepare: {train.height} rows to train on, {holdout.height} held out "
          f"({_how(params, schema)})")  # fmt: skip


def _how(params: Params, schema: Schema) -> str:
    """Say which rows are held out."""
    if params.data.window and params.prepare.holdout_days:
        return f"{params.data.window.until - timedelta(days=params.prepare.holdout_days)} on"
    return f"drawn by {schema.group or ', '.join(schema.names('key'))}"
