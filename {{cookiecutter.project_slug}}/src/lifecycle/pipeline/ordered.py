"""Rows in order on the disk, however many there are: sorted a piece at a time, each in memory.

A first pass writes the rows as they come and looks at what is refused; a second one deals them out
to pieces that follow each other in the first column of the order; then each is sorted by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

# So many are in memory at a time, and in a group of the file.
PIECE, GROUP = 100_000, 50_000
# One value of so many says where pieces begin.
SPARSE = 16


@dataclass
class Counted:
    """What was seen on the way: of each column how many values are refused, and the first."""

    rows: int = 0
    unlabelled: int = 0
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)

    def look(self, refused: pl.DataFrame) -> None:
        """Count what is refused in some rows."""
        for name in refused.columns:
            texts = refused[name].drop_nulls()
            if len(texts):
                count, first = self.refused.get(name, (0, texts[0]))
                self.refused[name] = (count + len(texts), first)


def write(rows: pl.LazyFrame, order: list[str], target: str, scratch: Path, path: Path) -> Counted:
    """Write the rows that have a label to a Parquet file, sorted; equal ones stay as they come.

    Args:
        rows: As `conform` gives them, with the struct `_refused`.
        order: The columns to sort by; without any, rows stay as they come.
        target: The column of the label.
        scratch: A folder for what is written on the way.
        path: The file; not whole where any value is refused.
    """
    counted, sample = Counted(), list[pl.Series]()
    empty = rows.drop("_refused").collect_schema().to_frame()
    form = empty.to_arrow().schema
    unsorted = scratch / "unsorted.parquet"
    with pq.ParquetWriter(unsorted, form, use_dictionary=False) as writer:
        for batch in rows.collect_batches(chunk_size=GROUP, maintain_order=True):
            counted.look(batch["_refused"].struct.unnest())
            kept = batch.drop("_refused").filter(pl.col(target).is_not_null())
            counted.rows += batch.height
            counted.unlabelled += batch.height - kept.height
            sample.extend(kept[name].gather_every(SPARSE) for name in order[:1])
            writer.write_table(kept.to_arrow().cast(form))
    if not counted.refused:
        labelled = counted.rows - counted.unlabelled
        edges = _edges(sample, labelled)
        _write_groups(_pieces(unsorted, order, edges, scratch), form, path)
    return counted


def _edges(sample: list[pl.Series], count: int) -> pl.Series:
    """Return the values at which a piece begins, but the first."""
    if not sample or count <= PIECE:
        return pl.Series([])
    values = pl.concat(sample).drop_nulls().sort()
    number = count // PIECE + 1
    begins = (len(values) * one // number for one in range(1, number))
    return pl.Series([values[one] for one in begins]).unique().sort() if len(values) else values


def _pieces(
    unsorted: Path, order: list[str], edges: pl.Series, scratch: Path
) -> Iterator[pl.DataFrame]:
    """Yield the rows of each piece, sorted."""
    if order and not len(edges):
        yield pl.read_parquet(unsorted, glob=False).sort(order, maintain_order=True)
        return
    if not order:
        yield from _batches(unsorted)
        return
    paths = [scratch / f"piece-{number}.parquet" for number in range(len(edges) + 1)]
    with ExitStack() as stack:
        writers: dict[int, pq.ParquetWriter] = {}
        for batch in _batches(unsorted):
            # Null sorts first.
            place = edges.search_sorted(batch[order[0]], side="right")
            where = pl.Series(place).set(batch[order[0]].is_null(), 0).alias("_piece")
            for (number,), part in (
                batch.with_columns(where)
                .partition_by("_piece", as_dict=True, include_key=False, maintain_order=True)
                .items()
            ):
                rows = part.to_arrow()
                if number not in writers:
                    writers[number] = stack.enter_context(
                        pq.ParquetWriter(paths[number], rows.schema, use_dictionary=False)
                    )
                writers[number].write_table(rows)
    unsorted.unlink()
    for number in sorted(writers):
        yield pl.read_parquet(paths[number], glob=False).sort(order, maintain_order=True)
        paths[number].unlink()


def _batches(path: Path) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(path) as opened:
        for batch in opened.iter_batches(batch_size=GROUP):
            yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))


def _write_groups(pieces: Iterable[pl.DataFrame], form: pa.Schema, path: Path) -> None:
    """Write rows in groups of one size, so that the bytes do not tell of the pieces."""
    left: pl.DataFrame | None = None
    with pq.ParquetWriter(path, form, compression="zstd") as writer:
        for piece in pieces:
            rows = piece if left is None else pl.concat([left, piece])
            whole = rows.height // GROUP * GROUP
            for begin in range(0, whole, GROUP):
                writer.write_table(rows.slice(begin, GROUP).rechunk().to_arrow().cast(form))
            left = rows.slice(whole)
        if left is not None and left.height:
            writer.write_table(left.rechunk().to_arrow().cast(form))
