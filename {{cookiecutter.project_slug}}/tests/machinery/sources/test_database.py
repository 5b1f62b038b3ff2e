"""A query's rows are read in pieces, in the types that they have, and its password is nowhere."""

from __future__ import annotations

import decimal
import sqlite3
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sources.tables import settings_of

from lifecycle.contract.errors import StageError
from lifecycle.sources import database, detecting, fetching, scanning

CANARY = "canary-4711"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with a database of one table."""
    opened = sqlite3.connect(tmp_path / "rows.db")
    with opened:
        opened.execute("CREATE TABLE rows (id INTEGER, amount REAL, place TEXT)")
        rows = [(one, None if one < 120 else one / 7, f"p{one % 3}") for one in range(250)]
        opened.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows)
    opened.close()
    return tmp_path


def fetched(root: Path, **given: Any) -> pl.DataFrame:
    folder = root / "fetched"
    folder.mkdir(exist_ok=True)
    settings = settings_of("sql", **given)
    fetching.fetch(settings, folder, root)
    return scanning.scan(settings, folder)[0].collect()


def refusal(root: Path, **given: Any) -> str:
    with pytest.raises(StageError) as refused:
        fetched(root, **given)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_pieces_have_one_type_together(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pieces of a column may have no value."""
    whole = fetched(made, url="sqlite:///rows.db", query="SELECT * FROM rows")
    monkeypatch.setattr(database, "ROWS", 50)
    pieces = fetched(made, url="sqlite:///rows.db", query="SELECT * FROM rows")
    assert pieces.equals(whole)
    assert pieces.schema == {"id": pl.Int64, "amount": pl.Float64, "place": pl.String}
    assert pieces["amount"].null_count() == 120
    assert [path.name for path in (made / "fetched").iterdir()] == ["rows.parquet"]


def test_the_only_table_is_found(made: Path) -> None:
    folder = made / "fetched"
    folder.mkdir()
    found = detecting.detect("sqlite:///rows.db", folder, made)
    assert found == settings_of("sql", url="sqlite:///rows.db", query="SELECT * FROM rows")
    opened = sqlite3.connect(made / "rows.db")
    opened.execute("CREATE TABLE more (id INTEGER)")
    opened.close()
    with pytest.raises(StageError, match="the database has the tables more, rows: say which"):
        detecting.detect("sqlite:///rows.db", folder, made)


def test_what_a_query_changes_is_undone(made: Path) -> None:
    query = "UPDATE rows SET place = 'changed' RETURNING id"
    assert fetched(made, url="sqlite:///rows.db", query=query).height == 250
    again = fetched(made, url="sqlite:///rows.db", query="SELECT * FROM rows")
    assert "changed" not in again["place"].to_list()


def test_no_row_is_a_table_too(made: Path) -> None:
    query = "SELECT * FROM rows WHERE id < 0"
    found = fetched(made, url="sqlite:///rows.db", query=query)
    assert (found.height, found.columns) == (0, ["id", "amount", "place"])


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no database": ({"url": "sqlite:///none.db", "query": "SELECT 1"}, "none.db is missing"),
    "no table": ({"url": "sqlite:///rows.db", "query": "SELECT * FROM t"}, "no such table: t"),
    "no rows": ({"url": "sqlite:///rows.db", "query": "CREATE TABLE t (id)"}, "returns no rows"),
    "two names": ({"url": "sqlite:///rows.db", "query": "SELECT 1 AS a, 2 AS a"}, "'a' twice"),
    "no dialect": ({"url": "elvish://h/d", "query": "SELECT 1"}, "no database is called elvish"),
    "no driver": ({"url": "mysql+mysqldb://h/d", "query": "SELECT 1"}, "is not installed: add"),
    "no URL": ({"url": "rows.db", "query": "SELECT 1"}, "the URL of data.source is none"),
    "nobody there": ({"url": "postgresql://u@127.0.0.1:1/d", "query": "SELECT 1"}, "refused"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_mistake_is_said_in_one_line(made: Path, kind: str) -> None:
    given, expected = REFUSED[kind]
    assert expected in refusal(made, **given)


@pytest.mark.parametrize("url", [
    f"postgresql://u:{CANARY}@127.0.0.1:1/d", f"postgresql://u:{CANARY}@:1@127.0.0.1:1/d",
    f"postgresql://u:{CANARY}@127.0.0.1:{CANARY}/d", f"elvish://u:{CANARY}@h/d", f"{CANARY}",
])  # fmt: skip
def test_a_password_is_in_no_message(made: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE", url)
    assert CANARY not in refusal(made, variable="DATABASE", query="SELECT 1")
    folder = made / "other"
    folder.mkdir()
    with pytest.raises(StageError) as refused:
        detecting.detect("DATABASE", folder, made, "SELECT 1")
    assert CANARY not in str(refused.value)


NUMBER = decimal.Decimal
KINDS: dict[str, tuple[list[Any], Any, list[Any]]] = {
    "numeric": ([NUMBER("1.10"), None, NUMBER("2.345")], pl.Decimal(38, 3),
                [NUMBER("1.100"), None, NUMBER("2.345")]),
    "no number": ([NUMBER("NaN"), NUMBER("1.5")], pl.Float64, [float("nan"), 1.5]),
    "mixed numbers": ([1, 2.5, None], pl.Float64, [1.0, 2.5, None]),
    "a moment": ([datetime(2013, 1, 1, 5, tzinfo=UTC)], pl.Datetime("us", "UTC"),
                 [datetime(2013, 1, 1, 5, tzinfo=UTC)]),
    "an identifier": ([uuid.UUID(int=5)], pl.String, [str(uuid.UUID(int=5))]),
    "mixed": ([1, "a"], pl.String, ["1", "a"]),
    "nothing": ([None, None], pl.Null, [None, None]),
    "a structure": ([{"a": 1}], pl.String, ["{'a': 1}"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_has_the_type_of_its_values(kind: str) -> None:
    values, expected, read = KINDS[kind]
    make: Callable[[str, list[Any]], pl.Series] = database._series
    found = make("a", values)
    assert found.dtype == expected
    assert [str(one) for one in found.to_list()] == [str(one) for one in read]
