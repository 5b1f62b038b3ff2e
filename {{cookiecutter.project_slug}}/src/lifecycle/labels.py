"""Labels that came later: files of keys and outcomes, joined with the predictions they are of."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lifecycle.columns import Schema
from lifecycle.command import StageError
from lifecycle.ingest import typed
from lifecycle.predictions import as_logged


def read(folder: Path, schema: Schema) -> pl.DataFrame | None:
    """Return keys and target of every file of labels, the last one of a key; None without files.

    Raises:
        StageError: a file cannot be read or lacks a column.
    """
    wanted, parts = [*schema.names("key"), schema.target], []
    for path in sorted(p for p in folder.glob("*") if p.suffix in (".parquet", ".csv")):
        try:
            is_csv = path.suffix == ".csv"
            lazy = pl.scan_csv(path, infer_schema=False) if is_csv else pl.scan_parquet(path)
            found = lazy.collect_schema()
            missing = [name for name in wanted if name not in found]
            if missing:
                raise StageError(f"{path} lacks the column {', '.join(missing)}")
            parts.append(_readable(path, lazy.select(
                *(typed(schema[n], found[n]).alias(n) for n in wanted),
                _given=pl.col(schema.target).is_not_null(),
            ).collect(), schema.target))  # fmt: skip
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if not parts:
        return None
    whole = pl.concat(parts).drop_nulls(schema.target)
    return as_logged(whole.unique(schema.names("key"), keep="last", maintain_order=True), schema)


def _readable(path: Path, rows: pl.DataFrame, target: str) -> pl.DataFrame:
    """Return the rows; where a target is given that is neither true nor false, that is said."""
    strange = rows.filter(pl.col("_given") & pl.col(target).is_null()).height
    if strange:
        raise StageError(f"{path}: {target} is neither true nor false in {strange} rows")
    return rows.drop("_given")


def join(rows: pl.DataFrame, known: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return the predictions whose outcome is known, the last one of each key."""
    keys = schema.names("key")
    latest = rows.unique(keys, keep="last", maintain_order=True)
    return latest.join(known, on=keys, how="inner", maintain_order="left")
