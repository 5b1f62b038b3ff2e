"""The prediction log as frames: whole lines of every file that is there, each row once.

What a crash or a full disk left of a line is counted and left out, and so is what stands twice. A
column that a line does not have is null; what the schema does not know is left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import replacing
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import DECISION
from lifecycle.contract.privacy import hash_key, hashed, logged_columns, logged_features
from lifecycle.core.reading import TYPES
from lifecycle.serving.prediction_log import CLOSED, OPEN, close_left_open

IDENTITY = ["request_id", "row", "model_version", "variant"]
# A file's name begins with when it was begun.
STAMP, STAMP_LENGTH, NAMES = "%Y%m%dT%H%M%S", 15, f"{'[0-9]' * 8}T{'[0-9]' * 6}*"
# As a worker writes the moments of a request.
MOMENT = "%Y-%m-%dT%H:%M:%S%.f"
# A worker that closes a file, or a compaction, may take one away while it is looked for.
ATTEMPTS = 5


@dataclass(frozen=True)
class Log:
    """What the log holds, in the order of time."""

    # logged_at, request_id, row, model_version, variant, score, decision, each column of the
    # request under its name, each feature as `feature.<name>`, `contributions` where asked for.
    predictions: pl.DataFrame
    # logged_at, request_id, model_version, status, fields, error.
    refusals: pl.DataFrame
    # Lines that are not whole, rows that stood there once more, files read.
    torn: int
    duplicates: int
    files: int


def _column_type(column: Column) -> Any:
    return pl.String if column.private == "hashed" else TYPES[column.type]


def _feature_type(schema: Schema, name: str) -> type[pl.DataType]:
    text = name in schema.names("feature") and (
        schema[name].type == "category" or schema[name].private == "hashed"
    )
    return pl.String if text else pl.Float64


def _decided(schema: Schema) -> dict[str, Any]:
    """Return the types of scores and decision."""
    outcome = chosen.of(schema)
    score = pl.List(pl.Float64) if outcome.score.type == "floats" else pl.Float64
    return {outcome.score.name: score, DECISION: TYPES[outcome.decision_type]}


def _line_schema(schema: Schema) -> dict[str, Any]:
    """Return the types of a line, as JSON has them."""
    received = {
        name: pl.String if schema[name].type == "datetime" else _column_type(schema[name])
        for name in logged_columns(schema)
    }
    names = logged_features(schema)
    return {
        "kind": pl.String, "time": pl.String, "request_id": pl.String, "row": pl.Int64,
        "model_version": pl.String, "variant": pl.String, "received": pl.Struct(received),
        "features": pl.Struct({name: _feature_type(schema, name) for name in names}),
        **_decided(schema),
        "contributions": pl.Struct(dict.fromkeys([*names, "bias"], pl.Float64)),
        "status": pl.Int64, "fields": pl.List(pl.String), "error": pl.String,
    }  # fmt: skip


def _lines(content: bytes, schema: Schema) -> tuple[pl.DataFrame, int]:
    """Return the lines of a file and how many of them are torn."""
    types = _line_schema(schema)
    try:
        return pl.read_ndjson(io.BytesIO(content), schema=types), 0
    except pl.exceptions.PolarsError:
        pass  # rare, so that only now each line is looked at
    lines = [line for line in content.split(b"\n") if line.strip()]
    whole = [line for line in lines if _is_whole(line)]
    frame = pl.read_ndjson(io.BytesIO(b"\n".join(whole)), schema=types, ignore_errors=True)
    return frame, len(lines) - len(whole)


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _flat(lines: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return lines of both kinds with a column for each value."""
    request = [
        pl.col(name).str.to_datetime(MOMENT, time_unit="us", strict=False)
        if schema[name].type == "datetime" else pl.col(name)
        for name in logged_columns(schema)
    ]  # fmt: skip
    computed = pl.col("features").struct.unnest().name.prefix("feature.")
    moment = pl.col("time").str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    received = lines.select(pl.col("received").struct.unnest()).select(request)
    return pl.concat(
        [
            lines.select(
                "kind", moment.alias("logged_at"), *IDENTITY, *_decided(schema),
                "contributions", "status", "fields", "error",
            ),
            received,
            lines.select(computed),
        ],
        how="horizontal",
    )  # fmt: skip


def _rows(content: bytes, schema: Schema) -> tuple[pl.DataFrame, int]:
    """Return the rows of a file of lines, and how many lines of it are torn."""
    lines, torn = _lines(content, schema)
    rows = _flat(lines, schema)
    whole = rows.filter(pl.col("kind").is_not_null() & pl.col("logged_at").is_not_null())
    return whole, torn + rows.height - whole.height


def _parts(
    folder: Path, schema: Schema, since: datetime | None
) -> Iterator[tuple[pl.DataFrame, int]]:
    """Yield the rows of each file and its torn lines; none has a row from before `since` only."""
    empty = _flat(pl.DataFrame(schema=_line_schema(schema)), schema)
    for path in sorted(folder.glob(NAMES)):
        if since is not None and path.stat().st_mtime < since.timestamp():
            continue
        if path.name.endswith(CLOSED):
            yield _rows(path.read_bytes(), schema)
        elif path.suffix == ".parquet":
            found = _stored(path)
            yield pl.concat([empty, _fitting(found, empty)], how="diagonal"), 0


def _stored(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, glob=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise StageError(f"{path} cannot be read ({reason})", "move it out of the log") from None


def _fitting(found: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return what `found` has of the wanted columns, in their types (the schema may be another)."""
    both = [name for name in wanted.columns if name in found.columns]
    return found.select(pl.col(name).cast(wanted.schema[name], strict=False) for name in both)


def read(folder: Path, schema: Schema, since: datetime | None = None) -> Log:
    """Return what the log in `folder` holds, from `since` on."""
    for attempt in range(ATTEMPTS):
        try:
            parts = list(_parts(folder, schema, since))
            break
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
    empty = _flat(pl.DataFrame(schema=_line_schema(schema)), schema)
    rows = pl.concat([empty, *(part for part, _ in parts)]).sort("logged_at", maintain_order=True)
    if since is not None:
        rows = rows.filter(pl.col("logged_at") >= since)
    every = rows.filter(pl.col("kind") == "prediction").drop("kind", "status", "fields", "error")
    predictions = every.unique(IDENTITY, keep="first", maintain_order=True)
    refusals = rows.filter(pl.col("kind") == "refusal").select(
        "logged_at", "request_id", "model_version", "status", "fields", "error"
    )
    torn, duplicates = sum(torn for _, torn in parts), every.height - predictions.height
    return Log(predictions, refusals, torn, duplicates, len(parts))


def as_logged(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return a frame with its private columns as the log has them, so that it joins with the log.

    Raises:
        StageError: a column is hashed and LOG_HASH_KEY is not set (see `privacy.hash_key`).
    """
    key = hash_key(schema)
    private = [c for c in schema.columns if c.private and c.name in frame.columns]
    hidden = [
        pl.Series(c.name, [hashed(c.name, value, key) for value in frame[c.name]], pl.String)
        for c in private
        if c.private == "hashed"
    ]
    return frame.with_columns(hidden).drop(c.name for c in private if c.private == "left_out")


def compact(folder: Path, schema: Schema, keep_days: int, now: datetime | None = None) -> int:
    """Turn closed files into Parquet, delete those begun `keep_days` ago; return how many turned.

    May be killed at any point and run again: what is there twice meanwhile is read once.
    """
    close_left_open(folder)
    oldest = (now or datetime.now(UTC)) - timedelta(days=keep_days)
    turned = 0
    for path in sorted(folder.glob(NAMES)):
        begun = datetime.strptime(path.name[:STAMP_LENGTH], STAMP).replace(tzinfo=UTC)
        if path.name.endswith(OPEN):
            continue
        if begun < oldest:
            path.unlink()
        elif path.suffix == CLOSED:
            with replacing(path.with_suffix(".parquet")) as temporary:
                temporary.touch(0o600)  # as readable as the lines were
                _rows(path.read_bytes(), schema)[0].write_parquet(temporary)
            path.unlink()
            turned += 1
    return turned
