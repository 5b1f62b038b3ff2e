"""One and the same table, in every way that a source may be, and what ingest needs of it."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import TypeAdapter

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.core.source_settings import Known, PythonSource, SourceSettings

COLUMNS = {
    "id": {"type": "integer", "roles": ["key"], "description": "Number"},
    "at": {"type": "datetime", "roles": ["time"], "description": "When"},
    "amount": {"type": "float", "roles": ["feature"], "description": "How much", "null_share": 0.5},
    "count": {"type": "integer", "roles": ["feature"], "description": "How often"},
    "place": {"type": "string", "roles": ["ignored"], "description": "Where", "null_share": 0.5},
    "late": {"type": "boolean", "roles": ["target"], "description": "Whether"},
}
PLACES = ("Köln", 'say "no"', "a, b; c", "two\nlines", None, "日本", "1,5", "it's")


def table(count: int = 500) -> pl.DataFrame:
    """Return the rows, in no order of their time."""
    numbers = [(7 * number) % count for number in range(count)]
    return pl.DataFrame(
        {
            "id": numbers,
            "at": [datetime(2013, 1, 1) + timedelta(minutes=37 * one) for one in numbers],
            "amount": [None if one % 11 == 0 else (one - 200) / 7 for one in numbers],
            "count": [one * 1_000_003 for one in numbers],
            "place": [PLACES[one % len(PLACES)] for one in numbers],
            "late": [one % 3 == 0 for one in numbers],
        }
    )


def schema(folder: Path) -> Schema:
    """Return the schema of the table."""
    path = folder / "table.yaml"
    path.write_text(yaml.safe_dump({"columns": COLUMNS}, sort_keys=False), encoding="utf-8")
    return load_schema(path)


def write_csv(path: Path, frame: pl.DataFrame, **settings: Any) -> None:
    """Write text; with `decimal_comma` as half of the world does."""
    encoding = settings.pop("encoding", "utf-8")
    text = frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S", **settings)
    path.write_bytes(text.encode(encoding))


def write_json_lines(path: Path, frame: pl.DataFrame) -> None:
    """Write one object a line."""
    rows = frame.with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S")).to_dicts()
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")


def pack(path: Path) -> Path:
    """Compress a file by gzip, and return the new one."""
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


def settings_of(kind: str, **given: Any) -> Known:
    """Return what the section `data.source` says."""
    whole = TypeAdapter(SourceSettings).validate_python({"kind": kind, **given})
    assert not isinstance(whole, PythonSource)
    return whole


def empty(folder: Path) -> Path:
    """Return a new folder for the files of a source."""
    target = folder / "empty"
    target.mkdir()
    return target
