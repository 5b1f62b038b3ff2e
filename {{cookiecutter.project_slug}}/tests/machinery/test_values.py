"""Ingest, batch and service read the values of one table alike: the same, or refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel
from values_table import (
    KINDS,
    REFUSED,
    SHAPES,
    TABLE,
    WHEN,
    Row,
    require_a_frame,
    require_whole_records,
    schema_of,
    written,
)

from lifecycle import batch
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.core.source_settings import PythonSource
from lifecycle.pipeline import ingest
from lifecycle.serving import body
from lifecycle.serving.request import record_model, request_model
from project import source as example

Reader = Callable[[Path, Schema, Params, pytest.MonkeyPatch], Any]


def ingested(path: Path, schema: Schema, params: Params, patch: pytest.MonkeyPatch) -> pl.DataFrame:
    def scan(folder: Path, scratch: Path, read: example.Reader) -> pl.LazyFrame:
        return read.parquet(path) if path.suffix == ".parquet" else read.csv(path)

    reader = example.Source(lambda folder: None, scan, is_text=path.suffix == ".csv")
    patch.setitem(example.SOURCES, "tried", reader)
    tried = PythonSource(kind="python", name="tried")
    window = params.data.dates.model_copy(update={"start": "2013-05", "end": "2013-05"})
    data = params.data.model_copy(update={"source": tried, "window": window})
    return ingest.ingest(path.parent, params.model_copy(update={"data": data}), schema)[0]


def batched(path: Path, schema: Schema, params: Params, patch: pytest.MonkeyPatch) -> pl.DataFrame:
    found = batch.chunks(path, 50_000, schema.request)
    is_text = path.suffix == ".csv"
    return pl.concat(batch.checked(chunk, schema, is_text=is_text)[0] for chunk in found)


def by_ingest(path: Path, schema: Schema, params: Params, patch: pytest.MonkeyPatch) -> Any:
    try:
        frame = ingested(path, schema, params, patch)
    except StageError as refusal:
        assert "value: 1 values are no " in str(refusal), str(refusal)
        return REFUSED
    return frame["value"][0]


def by_batch(path: Path, schema: Schema, params: Params, patch: pytest.MonkeyPatch) -> Any:
    (chunk,) = batch.chunks(path, 10)
    good, bad = batch.checked(chunk, schema, is_text=path.suffix == ".csv")
    if good.is_empty():
        assert bad["reason"][0].startswith("value is ")
        return REFUSED
    return good["value"][0]


def by_service(token: str, schema: Schema) -> Any:
    """Read a request as the service does, in both of its ways."""
    model = request_model(schema, 10, BaseModel)
    found = []
    for separator in (":", " :"):
        pairs = {'"at"': f'"{WHEN}"', '"value"': token, '"size"': "1.5"}
        record = ",".join(f"{name}{separator}{value}" for name, value in pairs.items())
        text = '{"records"' + separator + "[{" + record + "}]}"
        try:
            parsed: Any = body.parse(text.encode(), model)
        except body.RefusalError as refusal:
            fields = {detail["field"] for detail in refusal.details}
            assert refusal.status == 400
            assert fields <= {"records.0.value"}
            found.append(REFUSED)
        else:
            found.append(parsed.records[0].value)
    assert found[0] == found[1]
    return found[0]


FILES: dict[str, tuple[Reader, str]] = {
    "ingest of CSV": (by_ingest, ".csv"),
    "ingest of Parquet": (by_ingest, ".parquet"),
    "batch of CSV": (by_batch, ".csv"),
    "batch of Parquet": (by_batch, ".parquet"),
}


@pytest.mark.parametrize("row", TABLE, ids=[f"{n} {row[0]}" for n, row in enumerate(TABLE)])
def test_a_value_means_the_same_wherever_it_is_read(
    row: Row, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, cell, column, token, expected = row
    schema, found = schema_of(kind), {}
    for name, (reader, suffix) in FILES.items():
        (tmp_path / name).mkdir()
        path = written(tmp_path / name / f"rows{suffix}", cell, column)
        if path is not None:
            found[name] = reader(path, schema, params, monkeypatch)
    if token is not None:
        found["service"] = by_service(token, schema)
    assert found == dict.fromkeys(found, expected)
    assert {type(value) for value in found.values()} == {type(expected)}


@pytest.mark.parametrize("kind", ["string", "category"])
def test_the_document_does_not_promise_what_is_refused(kind: str) -> None:
    document = record_model(schema_of(kind)).model_json_schema()["properties"]
    assert document["value"]["not"] == {"const": "NA"}
    assert (
        "not" not in record_model(schema_of("country")).model_json_schema()["properties"]["value"]
    )


@pytest.mark.parametrize("kind", ["datetime", "zoned"])
def test_the_document_promises_the_moments_that_are_read(kind: str) -> None:
    document = record_model(schema_of(kind)).model_json_schema()["properties"]
    pattern = next(one["pattern"] for one in document["value"]["anyOf"] if "pattern" in one)
    for row in TABLE:
        # The pattern knows no clocks: those of a zone leave out an hour in spring.
        if row[0] == kind and row[3] and row[3].startswith('"') and "03-31" not in row[3]:
            text = json.loads(row[3])
            assert bool(re.fullmatch(pattern, text)) == (row[4] != REFUSED), text


ALL_ROWS = {"ingest": ingested, "batch": batched}


@pytest.mark.parametrize("reader", ALL_ROWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_text_has_whole_records_or_is_refused(
    shape: str, reader: str, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, schema: Schema) -> Any:
        return ALL_ROWS[reader](path, schema, params, monkeypatch)

    require_whole_records(shape, read, tmp_path)


@pytest.mark.parametrize("reader", ALL_ROWS)
def test_what_no_frame_holds_is_refused_by_name_where_it_is_needed(
    reader: str, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, schema: Schema) -> Any:
        return ALL_ROWS[reader](path, schema, params, monkeypatch)

    require_a_frame(read, tmp_path)


def test_the_table_is_wide() -> None:
    everywhere = [row for row in TABLE if not any(form is None for form in row[1:4])]
    assert len(TABLE) >= 100
    assert len(everywhere) >= 40
    assert {row[0] for row in TABLE} == set(KINDS)


@pytest.mark.parametrize("kind", ["seconds", "milliseconds", "microseconds"])
def test_the_document_promises_exactly_the_epochs_that_are_read(kind: str) -> None:
    schema = schema_of(kind)
    column = record_model(schema).model_json_schema()["properties"]["value"]
    shapes = [one for part in column["anyOf"] for one in part.get("anyOf", [part])]
    number = next(one for one in shapes if one["type"] == "integer")
    low, high = number["minimum"], number["maximum"]
    assert [by_service(str(one), schema) == REFUSED for one in (low - 1, low, high, high + 1)] == [
        True, False, False, True,
    ]  # fmt: skip
    assert kind in column["description"]
    assert by_service(json.dumps(column["example"]), schema) == by_service(
        f'"{WHEN}"', schema
    ) + timedelta(hours=2 if schema["value"].zone else 0)
