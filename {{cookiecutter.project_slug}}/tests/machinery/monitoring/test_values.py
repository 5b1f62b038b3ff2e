"""Outcomes that came later mean what the same values mean wherever else they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from values_table import (
    REFUSED,
    SHAPES,
    TABLE,
    Row,
    require_a_frame,
    require_whole_records,
    schema_of,
    written,
)

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.monitoring import labels


def labelled(path: Path, schema: Schema) -> pl.DataFrame:
    found = labels.read(path.parent, schema)
    assert found is not None
    return found


def by_labels(path: Path, schema: Schema) -> Any:
    try:
        found = labels.read(path.parent, schema)
    except StageError as refusal:
        assert f"{path.name}: value: 1 values are no " in str(refusal)
        return REFUSED
    assert found is not None
    return found["value"][0]


@pytest.mark.parametrize("row", TABLE, ids=[f"{n} {row[0]}" for n, row in enumerate(TABLE)])
def test_a_value_means_what_it_means_elsewhere(row: Row, tmp_path: Path) -> None:
    kind, cell, column, _, expected = row
    schema, found = schema_of(kind), {}
    for suffix in (".csv", ".parquet"):
        (tmp_path / suffix).mkdir()
        path = written(tmp_path / suffix / f"rows{suffix}", cell, column)
        if path is not None:
            found[suffix] = by_labels(path, schema)
    assert found == dict.fromkeys(found, expected)
    assert {type(value) for value in found.values()} == {type(expected)}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_text_has_whole_records_or_is_refused(shape: str, tmp_path: Path) -> None:
    require_whole_records(shape, labelled, tmp_path)


def test_what_no_frame_holds_is_refused_by_name_where_it_is_needed(tmp_path: Path) -> None:
    require_a_frame(labelled, tmp_path)
