"""Ingest reads the source once and writes one immutable snapshot of the window, with its profile.

It stops the line when the source is missing, empty or truncated, lacks a column of schema.yaml,
or holds values that are not of a column's type. Rows without a label are counted, not guessed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import replacing, write_json
from lifecycle.core.command import project_root
from lifecycle.core.moments import named
from lifecycle.core.params import Params, load_params
from lifecycle.core.reading import Reading, apply, described, read
from lifecycle.core.timing import window_of
from lifecycle.core.window import Unit, Window
from lifecycle.pipeline import ordered, source

SHOWN_COLUMNS = 3


def conform(
    frame: pl.LazyFrame, schema: Schema, *, is_text: bool, window: Window | None = None
) -> tuple[pl.LazyFrame, dict[str, Reading]]:
    """Select the schema's columns in its order and types, and return how each is read.

    The struct column `_refused` has, for each row, the text of the values that are refused. Of
    a `window`, where it is given, only its rows are read, and those whose time does not parse.

    Raises:
        StageError: a column of the schema is not in the source.
    """
    present = frame.collect_schema()
    missing = [column.name for column in schema.columns if column.name not in present]
    if missing:
        raise StageError(f"the source lacks the column {', '.join(missing)} of schema.yaml")
    readings = {c.name: read(c, present[c.name], is_text=is_text) for c in schema.columns}
    if window:
        frame = in_window(frame, readings[schema.clock], window)
    return apply(frame, readings).drop("_missing"), readings


def in_order(schema: Schema) -> list[str]:
    """Return the columns that rows are sorted by: the time, where there is one, and the keys."""
    return list(dict.fromkeys([*schema.names("time"), *schema.names("key")]))


def refuse(rows: pl.DataFrame, readings: dict[str, Reading], schema: Schema) -> pl.DataFrame:
    """Return rows of `conform` without their struct.

    Raises:
        StageError: values are refused: of which columns, how many, one of them and what to do.
    """
    counted = ordered.Counted(rows.height)
    counted.look(rows["_refused"].struct.unnest())
    stop(counted, readings, schema)
    return rows.drop("_refused")


def stop(counted: ordered.Counted, readings: dict[str, Reading], schema: Schema) -> None:
    """Stop the line where values are refused; see `refuse`."""
    found = [name for name in readings if name in counted.refused]
    said = [described(schema[n], readings[n], *counted.refused[n]) for n in found]
    if said:
        more = f"; and {len(said) - SHOWN_COLUMNS} more columns" if said[SHOWN_COLUMNS:] else ""
        line = f"{counted.rows} rows read; {'; '.join(said[:SHOWN_COLUMNS])}{more}"
        raise StageError(line, about=found)


def in_window(frame: pl.LazyFrame, time: Reading, window: Window) -> pl.LazyFrame:
    """Keep the rows of a window."""
    # Columns, so that the time is read once for each row.
    read, day = pl.col("_time"), pl.col("_day")
    dated = frame.with_columns(time.value.alias("_time")).with_columns(
        time.kept(read).dt.date().alias("_day")
    )
    # A time that does not parse stays, so that it is counted below and not lost here.
    kept = day.is_between(window.since, window.until, closed="left") | day.is_null()
    return dated.filter(kept).drop("_time", "_day")


def profile(
    snapshot: Path, unlabelled: int, schema: Schema, unit: Unit = "month"
) -> dict[str, Any]:
    """Describe a snapshot: rows, rows by month or another unit, and the nulls of each column."""
    rows, by_period = pl.scan_parquet(snapshot, glob=False), {}
    if schema.time is not None:
        counts = rows.group_by(named(pl.col(schema.time), unit).alias("period")).len()
        sorted_counts = counts.sort("period").collect(engine="streaming")
        by_period[f"rows_by_{unit}"] = dict(sorted_counts.iter_rows())
    nulls = rows.select(pl.all().null_count()).collect(engine="streaming")
    return {
        "rows": rows.select(pl.len()).collect().item(),
        "rows_without_label": unlabelled,
        **by_period,
        "nulls": dict(zip(nulls.columns, nulls.row(0), strict=True)),
    }


def ingest(folder: Path, params: Params, schema: Schema) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return the snapshot and its profile; see the module for what stops the line."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "snapshot.parquet"
        report = write(folder, params, schema, target)
        return pl.read_parquet(target, glob=False), report


@contextmanager
def opened(
    folder: Path, params: Params, schema: Schema, window: Window | None = None
) -> Iterator[tuple[pl.LazyFrame, dict[str, Reading], Path]]:
    """Let the block read a source: what `conform` returns, and a folder that is deleted then.

    Whoever reads a source reads it by this, so that a column means the same to all of them.

    Raises:
        StageError: the source is not there, or cannot be read; in the block as well.
    """
    if not folder.is_dir():
        raise StageError(f"{folder} is missing", "run `make pipeline`, which fetches it")
    if not any(folder.iterdir()):
        raise StageError(
            f"{folder} is empty", "delete it and run `make pipeline`, which fetches it"
        )
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        try:
            found, is_text = source.scan(params.data.source, folder, Path(name), schema)
            yield *conform(found, schema, is_text=is_text, window=window), Path(name)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            # Of a missing column it is said which one, and not all those that are there.
            reason = str(error).splitlines()[0].partition("; valid columns")[0]
            raise StageError(f"{folder} cannot be read: {reason}") from None


def write(folder: Path, params: Params, schema: Schema, target: Path) -> dict[str, Any]:
    """Write the snapshot, and return its profile; see the module for what stops the line.

    Its bytes do not tell how the rows came, nor how many of them were in memory at a time.
    """
    window = window_of(params, schema)
    with opened(folder, params, schema, window) as (lazy, readings, scratch):
        counted = ordered.write(lazy, in_order(schema), schema.target, scratch, target)
    if not counted.rows:
        of = f" from {window} (data.window)" if window else ""
        raise StageError(f"{folder} has no rows{of}")
    stop(counted, readings, schema)
    return profile(target, counted.unlabelled, schema, params.data.unit)


def main() -> None:
    """Write the snapshot and its profile."""
    params, schema = load_params(), load_schema()
    root = project_root()
    with replacing(root / params.paths.snapshot) as temporary:
        report = write(root / params.paths.source, params, schema, temporary)
    write_json(root / params.paths.ingest_report, report)
    window, left_out = params.data.window, report["rows_without_label"]
    of = f" from {window}" if window else ""
    print(f"ingest: {report['rows']} rows{of}, {left_out} without a label left out")
