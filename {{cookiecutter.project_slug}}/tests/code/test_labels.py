"""Labels as they come: several files, two formats, mistakes in them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lifecycle import labels
from lifecycle.columns import Schema
from lifecycle.command import StageError


@pytest.fixture
def known(rows: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    return rows.select(*schema.names("key"), schema.target).unique(schema.names("key"))


def test_parquet_and_csv_join_with_predictions(
    known: pl.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    """The last one of a key counts, and nothing joins twice."""
    known[:100].write_csv(tmp_path / "a.csv")
    known[100:].write_parquet(tmp_path / "b.parquet")
    corrected = known[:1].with_columns(~pl.col(schema.target))
    corrected.write_csv(tmp_path / "c.csv")
    (tmp_path / "notes.txt").write_text("not labels")
    found = labels.read(tmp_path, schema)
    assert found is not None
    assert found.height == known.height
    keys = schema.names("key")
    predictions = pl.concat([known, known[:5]]).drop(schema.target)
    joined = labels.join(predictions, found, schema)
    assert joined.height == known.height
    first = joined.join(corrected.select(keys), on=keys, how="semi")
    assert first[schema.target].to_list() == corrected[schema.target].to_list()


def test_no_files_are_no_labels(schema: Schema, tmp_path: Path) -> None:
    assert labels.read(tmp_path / "nothing", schema) is None


def test_mistakes_name_file_and_reason(known: pl.DataFrame, schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    known.drop("carrier").write_csv(path)
    with pytest.raises(StageError, match=r"a\.csv lacks the column carrier"):
        labels.read(tmp_path, schema)
    known.with_columns(pl.lit("perhaps").alias(schema.target)).write_csv(path)
    with pytest.raises(StageError, match=r"a\.csv: late is neither true nor false in \d+ rows"):
        labels.read(tmp_path, schema)
    path.write_text("")
    with pytest.raises(StageError, match=r"a\.csv cannot be read: "):
        labels.read(tmp_path, schema)
    path.unlink()
    (tmp_path / "b.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(StageError, match=r"b\.parquet cannot be read: "):
        labels.read(tmp_path, schema)
