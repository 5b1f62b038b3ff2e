"""Labels that came later: files of keys and outcomes, joined with the predictions they are of."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core import reading, tables
from lifecycle.core.source_settings import SourceSettings
from lifecycle.monitoring.predictions import as_logged

SHOWN_FILES = 5


def read(folder: Path, schema: Schema, source: SourceSettings | None = None) -> pl.DataFrame | None:
    """Return keys and target of every file of labels, the last one of a key; None without files.

    Columns are called as in schema.yaml, or as `source` has them.

    Raises:
        StageError: a file cannot be read, lacks a column, or has values that are refused.
    """
    parts = []
    for path in sorted(p for p in folder.glob("*") if tables.is_table(p) and p.is_file()):
        try:
            parts.append(_of_file(path, schema, source))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if not parts:
        return None
    whole = pl.concat(parts).drop_nulls(schema.target)
    return as_logged(whole.unique(schema.names("key"), keep="last", maintain_order=True), schema)


def unread(folder: Path) -> str:
    """Name the files that are no labels: compressed, of another kind, in a folder; else empty."""
    others = sorted(
        str(path.relative_to(folder)) for path in folder.rglob("[!.]*")
        if path.is_file() and not (path.parent == folder and tables.is_table(path))
    )  # fmt: skip
    more = f" and {len(others) - SHOWN_FILES} more" if others[SHOWN_FILES:] else ""
    return ", ".join(others[:SHOWN_FILES]) + more


def _of_file(path: Path, schema: Schema, source: SourceSettings | None) -> pl.DataFrame:
    """Return keys and target of one file, typed; see `read` for what is raised."""
    is_csv, wanted = tables.is_text(path), [*schema.names("key"), schema.target]
    lazy = tables.scan(path, wanted, source)
    found = lazy.collect_schema()
    missing = [name for name in wanted if name not in found]
    if missing:
        raise StageError(f"{path} lacks the column {', '.join(missing)}")
    how = {name: reading.read(schema[name], found[name], is_text=is_csv) for name in wanted}
    rows = reading.apply(lazy, how).drop("_missing").collect()
    refused = rows["_refused"].struct.unnest()
    wrong = [reading.complaint(schema[name], how[name], refused[name]) for name in wanted]
    wrong += _of_no_category(rows, schema)
    wrong += _without(rows.drop_nulls(schema.target), schema)
    if any(wrong):
        raise StageError(f"{path}: {'; '.join(filter(None, wrong))}")
    return rows.drop("_refused")


def _of_no_category(rows: pl.DataFrame, schema: Schema) -> list[str]:
    """Say how many targets are texts that schema.yaml does not list: no number stands for them."""
    listed, target = schema[schema.target].categories, rows[schema.target]
    count = int((~target.drop_nulls().is_in(listed)).sum()) if listed else 0
    return [f"{schema.target} is none of its categories in {count} rows"] if count else []


def _without(labelled: pl.DataFrame, schema: Schema) -> list[str]:
    """Say which keys are null where a prediction always has one: such a label joins with none."""
    refused = labelled["_refused"].struct
    return [
        f"{name} is null in {count} rows"
        for name in schema.names("key")
        if schema[name].null_share == 0
        and (count := int((labelled[name].is_null() & refused.field(name).is_null()).sum()))
    ]


def join(rows: pl.DataFrame, known: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return the predictions whose outcome is known, the last one of each key."""
    keys = schema.names("key")
    latest = rows.unique(keys, keep="last", maintain_order=True)
    return latest.join(known, on=keys, how="inner", maintain_order="left")
