"""Rows are sorted on the disk as they would be in memory, in the memory of a piece of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from folders import CODE
from sources import tables

from lifecycle.pipeline import ordered, repro

PIECES = {
    "keys": (["id"], pl.Series(range(1000)).shuffle(seed=1)),
    "few values": (["id"], pl.Series([one % 3 for one in range(1000)])),
    "one value": (["id"], pl.Series([5] * 1000)),
    "some without": (["id"], pl.Series([None if one % 4 else one for one in range(1000)])),
    "all without": (["id"], pl.Series([None] * 1000, dtype=pl.Int64)),
    "text": (["id"], pl.Series([f"{(one * 7919) % 1000}ä" for one in range(1000)])),
    "two columns": (["id", "second"], pl.Series([one % 40 for one in range(1000)])),
    "no order": ([], pl.Series(range(1000)).shuffle(seed=1)),
}


def rows_of(key: pl.Series) -> pl.LazyFrame:
    """Return rows as `conform` does: some without a label, none refused."""
    number = pl.int_range(len(key), eager=True)
    return pl.LazyFrame({"id": key, "row": number}).with_columns(
        second=pl.col("row") * 7919 % 1000,
        late=pl.when(pl.col("row") % 10 > 0).then(pl.col("row") % 2 == 0),
        _refused=pl.struct(id=pl.lit(None, pl.String)),
    )


@pytest.mark.parametrize("kind", PIECES)
def test_pieces_are_in_the_order_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    order, key = PIECES[kind]
    rows = rows_of(key)
    whole = tmp_path / "whole.parquet"
    counted = ordered.write(rows, order, "late", tmp_path, whole)
    assert (counted.rows, counted.unlabelled, counted.refused) == (1000, 100, {})
    expected = rows.drop("_refused").filter(pl.col("late").is_not_null()).collect()
    expected = expected.sort(order, maintain_order=True) if order else expected
    assert pl.read_parquet(whole).equals(expected)
    monkeypatch.setattr(ordered, "PIECE", 64)
    monkeypatch.setattr(ordered, "SPARSE", 1)
    pieces = tmp_path / "pieces.parquet"
    ordered.write(rows, order, "late", tmp_path, pieces)
    assert pieces.read_bytes() == whole.read_bytes()
    monkeypatch.setattr(ordered, "GROUP", 37)
    ordered.write(rows, order, "late", tmp_path, pieces)
    assert pl.read_parquet(pieces).equals(expected)
    assert pq.ParquetFile(pieces).metadata.row_group(0).num_rows == 37


def test_what_is_refused_is_counted_over_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordered, "GROUP", 50)
    text = pl.when(pl.col("row") > 700).then(pl.format("no {}", "row"))
    rows = rows_of(pl.Series(range(1000))).with_columns(_refused=pl.struct(id=text))
    counted = ordered.write(rows, ["id"], "late", tmp_path, tmp_path / "none.parquet")
    assert counted.refused == {"id": (299, "no 701")}
    assert not (tmp_path / "none.parquet").exists()


INGEST = """
import re, sys
from pathlib import Path
from lifecycle.contract.columns import load_schema
from lifecycle.core.source_settings import CsvSource
from lifecycle.pipeline import ingest, ordered, source
folder = Path(sys.argv[1])
schema = load_schema(folder / "table.yaml")
settings = CsvSource(kind="csv", path="in")
rows, is_text = source.scan(settings, folder / "in", folder, schema)
lazy, _ = ingest.conform(rows, schema, is_text=is_text)
counted = ordered.write(lazy, ["at", "id"], "late", folder, folder / "out.parquet")
status = Path('/proc/self/status').read_text()
print(counted.rows, re.search(r'VmHWM:\\s+(\\d+)', status)[1])
"""


def peak(folder: Path, count: int) -> int:
    """Return the most memory that so many rows took."""
    (folder / "in").mkdir(parents=True)
    tables.schema(folder)
    number = pl.int_range(count, eager=True).alias("id")
    frame = number.to_frame().with_columns(
        at=pl.datetime(2013, 1, 1) + pl.duration(minutes=pl.col("id") * 7919 % 500_000),
        amount=(pl.col("id") - 200) / 7,
        count=pl.col("id") * 3,
        place=pl.format("place {}", "id"),
        late=pl.col("id") % 3 == 0,
    )
    tables.write_csv(folder / "in" / "rows.csv", frame)
    done = subprocess.run(
        [sys.executable, "-c", INGEST, str(folder)], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": CODE, **repro.SPARING},
    )  # fmt: skip
    rows, kilobytes = map(int, done.stdout.split())
    assert rows == count
    return kilobytes


def test_twenty_times_the_rows_take_half_more_memory_at_most(tmp_path: Path) -> None:
    small, large = (peak(tmp_path / str(count), count) for count in (60_000, 1_200_000))
    assert large < 1.5 * small, f"{small} and {large} kB"
