"""Files of rows may call columns as the source does, or as schema.yaml; not both."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core import tables
from lifecycle.core.source_settings import CsvSource, PythonSource

RAW = {"class": "class_column", "Total Amount (€)": "total_amount", "from": "from_column",
       "a.b": "a_b_2", "__proto__": "proto", "日付": "日付", "a_b": "a_b", "x" * 300: "x" * 60,
       " size ": "size", 'with "quotes"': "with_quotes", "🙂": "column", "None": "none_column",
       "SELECT": "select_column", "two\nlines": "two_lines"}  # fmt: skip
COLUMNS = {raw: name for raw, name in RAW.items() if raw != name}
SOURCE = CsvSource(kind="csv", path="rows.csv", columns=COLUMNS, nulls=("?", "-"))


def written(path: Path, names: list[str]) -> Path:
    frame = pl.DataFrame({name: [str(number), "?"] for number, name in enumerate(names)})
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("names", [list(RAW), list(RAW.values()), ["class", "total_amount"]])
def test_a_file_has_the_names_of_the_source_or_of_the_schema(
    tmp_path: Path, suffix: str, names: list[str]
) -> None:
    path = written(tmp_path / f"a{suffix}", names)
    found = tables.scan(path, list(RAW.values()), SOURCE).collect()
    assert found.columns == [RAW.get(name, name) for name in names]
    assert found.rows() == [tuple(str(number) for number in range(len(names))),
                            (None,) * len(names)]  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("raw", COLUMNS)
def test_one_that_has_both_of_a_column_is_refused(tmp_path: Path, suffix: str, raw: str) -> None:
    path = written(tmp_path / f"a{suffix}", [raw, "other", RAW[raw]])
    with pytest.raises(StageError) as refused:
        tables.scan(path, [RAW[raw]], SOURCE)
    both = re.escape(f"has the columns {raw!r} and {RAW[raw]!r}, which are one and the same")
    assert re.search(rf"a\{suffix} {both}.*: leave one of them$", str(refused.value))


def test_nothing_is_said_of_files_of_other_sources(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ["class", "class_column"])
    for source in (None, PythonSource(kind="python", name="own")):
        found = tables.scan(path, ["class"], source).collect()
        assert found.rows() == [("0", "1"), ("?", "?")]


def test_a_column_of_a_strange_type_is_refused_by_either_name(tmp_path: Path) -> None:
    """Not left out, as one that nobody asked for."""
    strange = pa.array([1, 2], pa.decimal256(60, 0))
    pq.write_table(pa.table({"a.b": strange, "c": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(StageError, match=r"a\.b is of type decimal256"):
        tables.scan(tmp_path / "a.parquet", ["a_b_2"], SOURCE).collect()
    assert tables.scan(tmp_path / "a.parquet", ["c"], SOURCE).collect().columns == ["c"]
