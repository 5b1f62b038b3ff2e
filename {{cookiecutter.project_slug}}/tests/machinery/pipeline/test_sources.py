"""The same table gives the same snapshot, byte for byte, however it comes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
from sources import tables
from sources.tables import settings_of

from lifecycle.core.params import Params
from lifecycle.core.source_settings import Known
from lifecycle.pipeline import fetch, ingest
from lifecycle.sources import detecting, scanning

Write = Callable[[Path, pl.DataFrame], dict[str, Any]]


def snapshot(params: Params, settings: Known, folder: Path) -> bytes:
    """Take a source through fetch and ingest, as the pipeline does; return the file."""
    source = folder / "source"
    source.mkdir()
    fetch.fetch(settings, source, folder)
    return snapshot_of(params, settings, source)


def snapshot_of(params: Params, settings: Known, source: Path) -> bytes:
    window = params.data.dates.model_copy(update={"start": "2013-01", "end": "2013-12"})
    data = params.data.model_copy(update={"source": settings, "window": window})
    schema = tables.schema(source.parent)
    target = source.parent / "snapshot.parquet"
    ingest.write(source, params.model_copy(update={"data": data}), schema, target)
    return target.read_bytes()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, params: Params) -> bytes:
    folder = tmp_path_factory.mktemp("csv")
    tables.write_csv(folder / "rows.csv", tables.table())
    return snapshot(params, settings_of(kind="csv", path="rows.csv"), folder)


def tab(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_csv(folder / "rows.tsv", frame, separator="\t", decimal_comma=True)
    return {"kind": "csv", "path": "rows.tsv", "delimiter": "\t", "decimal": ","}


def utf16(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_csv(folder / "rows.txt", frame, encoding="utf-16", line_terminator="\r\n")
    return {"kind": "csv", "path": "rows.txt", "encoding": "utf-16"}


def with_a_mark(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_csv(folder / "rows.csv", frame, encoding="utf-8-sig")
    return {"kind": "csv", "path": "rows.csv"}


def words(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_csv(folder / "rows.csv", frame, null_value="N/A", quote_style="non_numeric")
    return {"kind": "csv", "path": "rows.csv", "nulls": ["N/A"]}


def packed(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_csv(folder / "rows.csv", frame)
    tables.pack(folder / "rows.csv")
    return {"kind": "csv", "path": "rows.csv.gz"}


def zstd(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_csv(folder / "rows.csv", frame)
    content = (folder / "rows.csv").read_bytes()
    (folder / "rows.csv.zst").write_bytes(pa.compress(content, "zstd", asbytes=True))
    return {"kind": "csv", "path": "rows.csv.zst"}


def parquet(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    frame.write_parquet(folder / "rows.parquet")
    return {"kind": "parquet", "path": "rows.parquet"}


def json_lines(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_json_lines(folder / "rows [1]*.jsonl", frame)
    return {"kind": "json_lines", "path": "rows [1]*.jsonl"}


def packed_json_lines(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    tables.write_json_lines(folder / "rows.jsonl", frame)
    tables.pack(folder / "rows.jsonl")
    return {"kind": "json_lines", "path": "rows.jsonl.gz"}


def several(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    (folder / "in" / "b").mkdir(parents=True)
    tables.write_csv(folder / "in" / "a.csv", frame[:100])
    other = frame[300:].select(reversed(frame.columns))
    tables.write_csv(folder / "in" / "b" / "c.csv", other)
    tables.write_csv(folder / "in" / "b" / "a.csv", frame[100:300])
    tables.pack(folder / "in" / "b" / "a.csv")
    (folder / "in" / "README.md").write_text("no table")
    (folder / "in" / ".hidden.csv").write_text("no table")
    return {"kind": "csv", "path": "in"}


def pattern(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    given = several(folder, frame)
    return {**given, "path": "in/**/*.csv*"}


def sqlite(folder: Path, frame: pl.DataFrame) -> dict[str, Any]:
    with sqlite3.connect(folder / "rows.db") as opened:
        types = "id INTEGER, at TEXT, amount REAL, count INTEGER, place TEXT, late BOOLEAN"
        opened.execute(f"CREATE TABLE t ({types})")
        text = frame.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S.%6f"))
        opened.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", text.rows())
    opened.close()
    query = "SELECT *, '12:30 %s' AS \"a:b\" FROM t"
    return {"kind": "sql", "url": "sqlite:///rows.db", "query": query}


WAYS: dict[str, Write] = {
    one.__name__: one
    for one in (
        tab, utf16, with_a_mark, words, packed, zstd, parquet, json_lines, packed_json_lines,
        several, pattern, sqlite,
    )
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_the_same_however_it_comes(
    params: Params, tmp_path: Path, expected: bytes, way: str
) -> None:
    given = WAYS[way](tmp_path, tables.table())
    assert snapshot(params, settings_of(**given), tmp_path) == expected


@pytest.mark.parametrize("way", WAYS)
def test_how_it_is_read_is_found(params: Params, tmp_path: Path, expected: bytes, way: str) -> None:
    """Nobody has to say it: what is found reads the same table."""
    given = WAYS[way](tmp_path, tables.table())
    place = given.get("path") or given["url"]
    source = tmp_path / "source"
    source.mkdir()
    found = detecting.detect(place, source, tmp_path, given.get("query"))
    assert snapshot_of(params, found, source) == expected
    if way != "json_lines":
        assert found.model_dump(mode="json", exclude_defaults=True) == given


def test_a_sheet_of_a_workbook_is_read_by_its_name(
    params: Params, tmp_path: Path, expected: bytes
) -> None:
    # A workbook has fifteen digits of a number.
    frame = tables.table().with_columns(amount=pl.col("count") / 8)
    with xlsxwriter.Workbook(tmp_path / "rows.xlsx") as book:
        frame.write_excel(book, "rows")
        book.add_worksheet("notes").write(0, 0, "nothing")
    tables.write_csv(tmp_path / "rows.csv", frame)
    (tmp_path / "other").mkdir()
    text = settings_of(kind="csv", path=str(tmp_path / "rows.csv"))
    expected = snapshot(params, text, tmp_path / "other")
    source = tmp_path / "source"
    source.mkdir()
    found = detecting.detect("rows.xlsx", source, tmp_path)
    assert found == settings_of(kind="excel", path="rows.xlsx", sheet="rows")
    assert snapshot_of(params, found, source) == expected


def test_older_text_is_read_in_its_encoding(params: Params, tmp_path: Path) -> None:
    frame = tables.table().with_columns(place=pl.col("place").replace("日本", "Åland — 5 €"))
    tables.write_csv(tmp_path / "rows.csv", frame)
    tables.write_csv(tmp_path / "old.csv", frame, separator=";", encoding="cp1252")
    found = {}
    for name in ("rows.csv", "old.csv"):
        source = tmp_path / name.removesuffix(".csv") / "source"
        source.mkdir(parents=True)
        settings = detecting.detect(name, source, tmp_path)
        found[name] = snapshot_of(params, settings, source)
    assert settings == settings_of(kind="csv", path="old.csv", delimiter=";", encoding="cp1252")
    assert found["rows.csv"] == found["old.csv"]


def test_rows_without_a_number_get_one_and_columns_another_name(tmp_path: Path) -> None:
    frame = tables.table().drop("id").rename({"at": "Zeit am Ort (€)"})
    for name, part in (("a.csv", frame[:200]), ("b.csv", frame[200:])):
        part.write_csv(tmp_path / name)
    settings = settings_of(
        kind="csv", path=".", number_rows="id", columns={"Zeit am Ort (€)": "at"}
    )
    rows, is_text = scanning.scan(settings, tmp_path)
    read = rows.collect()
    assert is_text
    assert read.columns == ["id", "at", "amount", "count", "place", "late"]
    assert read["id"].to_list() == list(range(500))
    assert read["count"].to_list() == frame["count"].cast(pl.String).to_list()


def test_the_last_line_of_text_need_not_end(
    params: Params, tmp_path: Path, expected: bytes
) -> None:
    tables.write_csv(tmp_path / "rows.csv", tables.table())
    content = (tmp_path / "rows.csv").read_bytes()
    (tmp_path / "rows.csv").write_bytes(content.removesuffix(b"\n"))
    assert snapshot(params, settings_of(kind="csv", path="rows.csv"), tmp_path) == expected
