"""Batch scores a Parquet or CSV file of any size, a chunk of rows at a time.

Each scored row carries its scores, the decision and the model's version. A row that the
schema refuses goes to a side file with the reason; scored plus rejected equals rows in.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from lifecycle.contract import features, model_file
from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import replacing
from lifecycle.contract.model_file import Model
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import CARRIED, Deciding
from lifecycle.core import tables
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays, score_column
from lifecycle.core.params import Params, load_params
from lifecycle.core.reading import Reading, apply, read
from lifecycle.core.source_settings import NamedSource, SourceSettings
from lifecycle.core.terminal import working
from lifecycle.records import passed, registry
from lifecycle.records.artefact import fetch_model
from lifecycle.tasks.deciding import of as decided_of


def chunks(
    path: Path, rows: int, needed: Sequence[str] = (), source: SourceSettings | None = None
) -> Iterator[pl.DataFrame]:
    """Read a file a chunk at a time; CSV values stay text until the schema gives them a type.

    A column that no frame holds is left out, unless it is `needed`: then the file is refused. What
    `source` says of names and numbered rows holds for the file as well.

    Raises:
        StageError: the file is missing, of another kind, or cannot be read.
    """
    if not path.is_file():
        raise StageError(f"{path} is missing", "type `make batch INPUT=a file of rows`")
    if not tables.is_table(path):
        raise StageError(f"{path} is neither .parquet nor .csv")
    try:
        found = tables.scan(path, needed, source)
        number = source.number_rows if isinstance(source, NamedSource) else None
        if number and number in needed and number not in found.collect_schema():
            found = found.with_row_index(number).with_columns(pl.col(number).cast(pl.Int64))
        yield from found.collect_batches(chunk_size=rows, maintain_order=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def problems(column: Column, found: pl.DataType, reading: Reading) -> list[tuple[pl.Expr, str]]:
    """Return, for one column of a request as it was read, when a value is refused and why."""
    value, fault = pl.col(column.name), f": {reading.fault}" if reading.fault else ""
    refused, said = pl.col("_refused").struct.field(column.name), []
    wrong = refused.is_not_null()
    if column.type == "float" and found.is_float():
        infinite = refused.is_in(["inf", "-inf", "NaN"])
        said.append((wrong & infinite, f"{column.name} is not finite"))
        wrong &= ~infinite
    said.append((wrong, f"{column.name} is no {column.type}{fault}"))
    if column.null_share == 0:
        missing = pl.col("_missing").struct.field(column.name)
        said.append((missing, f"{column.name} is null"))
    if column.minimum is not None:
        said.append((value < column.minimum, f"{column.name} is below {column.minimum}"))
    if column.maximum is not None:
        said.append((value > column.maximum, f"{column.name} is above {column.maximum}"))
    if column.categories and column.unknown_share == 0:
        known = value.is_in(list(column.categories))
        said.append((~known, f"{column.name} is none of the categories of schema.yaml"))
    return said


def checked(
    frame: pl.DataFrame, schema: Schema, *, is_text: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (good rows in the schema's types, refused rows with the reason).

    `is_text` where the frame is of a file whose cells have no kinds, as of CSV.

    Raises:
        StageError: a column of the request is not in the file at all.
    """
    missing = [name for name in schema.request if name not in frame.columns]
    if missing:
        raise StageError(f"the file lacks the column {', '.join(missing)} of schema.yaml")
    types = frame.schema
    readings = {n: read(schema[n], types[n], is_text=is_text) for n in schema.request}
    reasons = [
        pl.when(condition).then(pl.lit(reason))
        for name, reading in readings.items()
        for condition, reason in problems(schema[name], types[name], reading)
    ]
    reason = pl.concat_str(reasons, separator="; ", ignore_nulls=True).alias("reason")
    made = apply(frame.lazy(), readings).select(*readings, reason).collect()
    good = made.filter(pl.col("reason") == "").drop("reason")
    return good, frame.with_columns(made["reason"]).filter(pl.col("reason") != "")


def score(
    frame: pl.DataFrame, model: Model, schema: Schema, deciding: Deciding, version: str
) -> pl.DataFrame:
    """Return the rows with what they score, what is decided, and the version that gave it."""
    outcome, whole = chosen.of(schema), features.on_frame(schema, frame, model.fitted)
    scores = model.predict(arrays(whole, list(model.names)))
    decided = outcome.decide(scores, deciding)
    told = {f"predicted_{schema.target}": decided, **outcome.beside(scores, deciding)}
    return frame.with_columns(
        score_column(scores, outcome),
        *(pl.Series(name, values) for name, values in told.items()),
        pl.lit(version).alias("model_version"),
    )


class Output:
    """A Parquet file that grows by chunks; made when the first rows come."""

    def __init__(self, path: Path) -> None:
        """Remember where to write."""
        self._path, self.rows = path, 0
        self._writer: Any = None

    def add(self, frame: pl.DataFrame) -> None:
        """Append rows; an empty frame still makes the file, so that it has its columns."""
        table = frame.to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)
        self.rows += frame.height

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()


def batch(
    source: Path, target: Path, model: Model, version: str, params: Params, schema: Schema,
    threshold: float | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Score `source` into `target` and its rejects beside it; return (scored, rejected) rows.

    A version decides at its own `threshold`, other models at that of params.yaml.
    """
    limit = params.evaluate.threshold if threshold is None else threshold
    deciding = decided_of(model.fitted.get(CARRIED, {}), limit, schema)
    rejects = rejects_path(target)
    with replacing(target) as scored_part, replacing(rejects) as rejects_part, working("batch"):
        scored, refused = Output(scored_part), Output(rejects_part)
        try:
            read = 0
            size, own = params.batch.rows_per_chunk, params.data.source
            for frame in chunks(source, size, schema.request, own):
                good, bad = checked(frame, schema, is_text=tables.is_text(source))
                scored.add(score(good, model, schema, deciding, version))
                refused.add(bad)
                read += frame.height
                print(f"batch: {read} rows", flush=True)
            if not read:
                raise StageError(f"{source} has no rows")
        finally:
            scored.close()
            refused.close()
    if scored.rows + refused.rows != read:
        raise StageError(f"{read} rows in, {scored.rows} scored and {refused.rows} rejected")
    return scored.rows, refused.rows


def rejects_path(target: Path) -> Path:
    """Return where the rejects of `target` go."""
    return target.with_name(f"{target.stem}.rejects.parquet")


def main(given: argparse.Namespace) -> None:
    """Score a file with the champion, or with a model file that is given."""
    root, params, schema = project_root(), load_params(), load_schema()
    target = given.output or given.input.with_name(f"{given.input.stem}.scored.parquet")
    if given.model:
        path, version, threshold = given.model, "none", None
    else:
        champion = registry.connect(root, params).by_alias("champion")
        if champion is None:
            raise StageError("there is no champion yet", "run `make lifecycle`")
        passed.require(root, champion, "point the alias champion to a version that passed "
                       "(`make ui`)")  # fmt: skip
        path, version = fetch_model(root, champion.tags), str(champion.number)
        threshold = float(champion.tags["threshold"]) if "threshold" in champion.tags else None
    scored, refused = batch(given.input, target, model_file.load(path), version, params, schema,
                            threshold)  # fmt: skip
    print(f"batch: {scored} rows scored into {target} by version {version}, {refused} rejected")
    if refused:
        print(f"batch: the rejects and their reasons are in {rejects_path(target)}")
