"""Parquet files, read by one rule wherever rows come from; only columns that are asked for.

Arrow knows kinds that frames do not: fixed offsets and zones of other libraries, extensions, and
numbers of more than 38 digits. Moments become UTC, extensions what they are made of; the rest is
refused by name where it is asked for, and does not matter where it is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.io.plugins import register_io_source
from pyarrow import types

from lifecycle.contract.errors import StageError
from lifecycle.core.csv_file import check_names, frames_asked_for

ROWS = 1 << 16
HELD = (
    types.is_boolean, types.is_integer, types.is_floating, types.is_null, types.is_string,
    types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary,
    types.is_fixed_size_binary, types.is_binary_view, types.is_date, types.is_time,
    types.is_duration, types.is_timestamp, types.is_decimal32, types.is_decimal64,
    types.is_decimal128,
)  # fmt: skip


def scan(path: Path) -> pl.LazyFrame:
    """Return the rows of a file lazily.

    Raises:
        StageError: it cannot be read, or has a name twice. That a column is of a type that no frame
            holds is raised where the frame is collected.
    """
    schema, strange = _held(path), strange_columns(path)
    # Of such a column only the name is known: it stands for a type here.
    types_of = dict(pl.DataFrame(pl.from_arrow(schema.empty_table())).schema)
    whole = {name: types_of.get(name, pl.Binary()) for name in _found(path).names}
    return register_io_source(partial(_frames, path, strange), schema=whole)


def strange_columns(path: Path) -> dict[str, str]:
    """Return the type of each column that no frame can hold.

    Raises:
        StageError: the file cannot be read.
    """
    return {field.name: str(field.type) for field in _found(path) if _type(field.type) is None}


def _found(path: Path) -> pa.Schema:
    try:
        schema = pq.read_schema(path)
    except pa.ArrowException as error:
        raise _unreadable(path, error) from None
    check_names(path, schema.names)
    # As of CSV: what has no name can be named nowhere.
    return pa.schema([field for field in schema if field.name])


def _unreadable(path: Path, error: Exception) -> StageError:
    return StageError(f"{path} cannot be read: {str(error).splitlines()[0]}")


def _held(path: Path, wanted: list[str] | None = None) -> pa.Schema:
    """Return the columns as a frame holds them, in the order in which they are wanted."""
    found = _found(path)
    fields = [found.field(name) for name in wanted or found.names]
    kinds = [(field, _type(field.type)) for field in fields]
    return pa.schema([field.with_type(kind) for field, kind in kinds if kind is not None])


def _type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type as which a frame holds one; None where there is none."""
    if isinstance(kind, pa.BaseExtensionType):
        return _type(kind.storage_type)
    if types.is_timestamp(kind) and kind.tz:
        return pa.timestamp(kind.unit, "UTC")
    if types.is_dictionary(kind):
        inner = [kind.value_type]
    elif types.is_nested(kind):
        inner = [kind.field(number).type for number in range(kind.num_fields)]
    else:
        return kind if any(is_one(kind) for is_one in HELD) else None
    return kind if all(_type(part) == part for part in inner) else None


def _frames(
    path: Path,
    strange: dict[str, str],
    columns: list[str] | None,
    predicate: pl.Expr | None,
    most: int | None,
    size: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows in pieces, as a lazy frame asks for them."""
    names = _found(path).names
    wanted = names if columns is None else columns or names[:1]
    refused = [f"{name} is of type {strange[name]}" for name in wanted if name in strange]
    if refused:
        raise StageError(f"{path} cannot be read: {', '.join(refused)}, which is read nowhere",
                         "write it as another one")  # fmt: skip
    target = _held(path, wanted)
    try:
        with pq.ParquetFile(path) as opened:
            batches = opened.iter_batches(batch_size=size or ROWS, columns=wanted)
            read = (pa.Table.from_batches([one]).select(wanted).cast(target) for one in batches)
            yield from frames_asked_for(read, predicate, most)
    except pa.ArrowException as error:
        raise _unreadable(path, error) from None
