"""What is wrong with a log is said in sentences: torn lines, duplicates, clocks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.monitoring.log_state import sentences
from lifecycle.monitoring.predictions import compact, read

BEGUN = datetime(2026, 11, 24, 12, tzinfo=UTC)


def write(folder: Path, moments: list[datetime], rest: str = "") -> None:
    """A closed file of the log, begun at BEGUN, with refusals of these times."""
    lines = [
        json.dumps({"kind": "refusal", "time": one.isoformat(), "request_id": str(number),
                    "model_version": "1", "status": 400, "fields": [], "error": "e"},
                   separators=(",", ":")) + "\n"
        for number, one in enumerate(moments)
    ]  # fmt: skip
    folder.mkdir()
    (folder / f"{BEGUN:%Y%m%dT%H%M%S%f}-7.jsonl").write_text("".join(lines) + rest)


def said(folder: Path, schema: Schema, now: datetime = BEGUN + timedelta(hours=1)) -> list[str]:
    return sentences(read(folder, schema), folder, now)


def test_a_sound_log_gets_no_sentence(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path / "log", [BEGUN + timedelta(seconds=n) for n in range(5)])
    assert said(tmp_path / "log", schema) == []
    assert said(tmp_path / "nothing", schema) == []


def test_a_torn_last_line(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path / "log", [BEGUN], '{"kind":"prediction","time":"2026-11-2')
    (found,) = said(tmp_path / "log", schema)
    assert found.startswith("1 line is torn")


def test_times_ahead_of_now(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path / "log", [BEGUN, BEGUN + timedelta(days=2)])
    assert said(tmp_path / "log", schema) == [
        "clock skew: 1 record is dated after now (2026-11-24 13:00 UTC)"
    ]


@pytest.mark.parametrize("is_compacted", [False, True])
@pytest.mark.parametrize("back", [timedelta(hours=-2), timedelta(minutes=10)])
def test_a_clock_that_was_set_back(
    back: timedelta, is_compacted: bool, tmp_path: Path, schema: Schema
) -> None:
    """Before the file was begun, or only before the records above it."""
    folder = tmp_path / "log [1]*?"  # a name, and no pattern
    write(folder, [BEGUN, BEGUN + timedelta(minutes=20), BEGUN + back])
    if is_compacted:
        assert compact(folder, schema, 90, BEGUN) == 1
    assert said(folder, schema) == ["clock skew: in 1 file of the log the time goes backwards"]


def test_a_compacted_file_is_as_private_as_its_lines(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path / "log", [BEGUN])
    compact(tmp_path / "log", schema, 90, BEGUN)
    (path,) = (tmp_path / "log").iterdir()
    assert path.suffix == ".parquet"
    assert path.stat().st_mode & 0o777 == 0o600
    assert pl.read_parquet(path).height == 1
