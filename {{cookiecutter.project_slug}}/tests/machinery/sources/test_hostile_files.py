"""A file that is no table is refused in one line that names it, and leaves nothing."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError
from sources import tables
from sources.tables import settings_of

from lifecycle.contract.errors import StageError
from lifecycle.sources import detecting, fetching, scanning

CANARY = "canary-4711"
HEADER = b"id,at,amount\n"
ROW = b"1,2013-01-01,1.5\n"
MANY = b"".join(b"%d,2013-01-01,1.5\n" % number for number in range(20_000))


def read(place: str, root: Path, **given: Any) -> pl.DataFrame:
    """Fetch a source and read all of it, as what was found or given says."""
    folder = root / "fetched"
    folder.mkdir()
    if given:
        settings = settings_of(path=place, **given)
        fetching.fetch(settings, folder, root)
    else:
        settings = detecting.detect(place, folder, root)
    return scanning.scan(settings, folder)[0].collect()


def refusal(place: str, root: Path, **given: Any) -> str:
    with pytest.raises(StageError) as refused:
        read(place, root, **given)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def nested(path: Path) -> None:
    frame = pl.DataFrame({"id": [1], "inner": [{"a": 1}], "many": [[1, 2]]})
    frame.write_parquet(path)


def cut(path: Path) -> None:
    content = gzip.compress(HEADER + MANY)
    path.write_bytes(content[: len(content) // 2])


def damaged(path: Path) -> None:
    content = bytearray(gzip.compress(HEADER + MANY))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


HOSTILE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty": ("a.csv", written(b""), r"a\.csv is empty|a\.csv cannot be read: it is empty"),
    "only blanks": ("a.csv", written(b"\n\n  \n"), r"a\.csv is empty"),
    "ragged": ("a.csv", written(HEADER + ROW + b"2,2013-01-01\n"),
               r"a\.csv cannot be read: record 3 has 2 fields, and the header 3"),
    "too long": ("a.csv", written(HEADER + ROW + b"2,2013-01-01,1,5\n"),
                 r"record 3 has 4 fields, and the header 3"),
    "two equal names": ("a.csv", written(b"id,id\n1,2\n"), r"a\.csv has the column 'id' twice"),
    "a quote that is open": ("a.csv", written(HEADER + b'1,"2013\n' + MANY),
                             r"the record that begins in line 2 a quote is not closed"),
    "a cell of ten million": ("a.csv", written(HEADER + b"1,2013-01-01," + b"x" * 10**7 + b"\n"),
                              r"a value is longer than 2,097,152 bytes"),
    "such a quoted cell": ("a.csv", written(HEADER + b'1,2013-01-01,"' + b"x" * 10**7 + b'"\n'),
                           r"a value is longer than 2,097,152 bytes"),
    "two encodings": ("a.csv", written(HEADER + "ä,1,1\n".encode() + "ö,1,1\n".encode("cp1252")),
                      r"a\.csv mixes encodings: line 2 is UTF-8, line 3 is not"),
    "a gzip that is cut": ("a.csv.gz", cut, r"a\.csv\.gz cannot be read: Truncated"),
    "a gzip that is damaged": ("a.csv.gz", damaged, r"a\.csv\.gz cannot be read: "),
    "a gzip of JSON that is cut": ("a.jsonl.gz", cut, r"a\.jsonl\.gz cannot be read"),
    "a Parquet that is cut": ("a.parquet", written(b"PAR1" + b"x" * 100),
                              r"a\.parquet cannot be read: "),
    "a list of JSON": ("a.json", written(b'[{"id": 1}, {"id": 2}]'), r"a\.json is one JSON list"),
    "JSON that is cut": ("a.jsonl", written(b'{"id": 1}\n{"id": 2'),
                         r"a\.jsonl cannot be read: it has a line that is no JSON object"),
    "no workbook": ("a.xlsx", written(b"PK\x03\x04" + b"x" * 100), r"a\.xlsx cannot be read: "),
    "a folder named like a file": ("a.csv", Path.mkdir, r"a\.csv has no file of kind csv"),
    "nothing": ("a.csv", lambda path: None, r"a\.csv is missing"),
    "a queue": ("a.csv", os.mkfifo, r"a\.csv is no file"),
    "a pattern without files": ("*.csv", lambda path: None, r"no file is called like \*\.csv"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    name, make, expected = HOSTILE[kind]
    make(tmp_path / name)
    assert re.search(expected, refusal(name, tmp_path))


def test_a_value_that_is_refused_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n{"id": "Ann Example, 1 Road\n')
    assert "Ann" not in refusal("a.jsonl", tmp_path)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.csv").write_bytes(HEADER + ROW)
    (tmp_path / "in" / "a.csv").symlink_to(tmp_path / "out.csv")
    assert "in/a.csv is a link that leads out of" in refusal("in", tmp_path, kind="csv")
    # Named itself, it is meant.
    (tmp_path / "fetched").rmdir()
    assert read("in/a.csv", tmp_path, kind="csv").height == 1


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(HEADER + ROW)
    (tmp_path / "in" / "b.csv").write_bytes(b"id,at\n1,2013-01-01\n")
    assert "b.csv lacks the column 'amount'" in refusal("in", tmp_path)


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + ROW)
    copy = shutil.copyfile

    def copied(source: Path, target: Path) -> None:
        copy(source, target)
        with path.open("ab") as handle:
            handle.write(ROW)

    monkeypatch.setattr(shutil, "copyfile", copied)
    assert "a.csv changed while it was read" in refusal("a.csv", tmp_path)


def test_a_file_that_is_another_than_its_pin_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + ROW)
    pin = fetching.checksum(tmp_path)
    assert read("a.csv", tmp_path, kind="csv", sha256=pin).height == 1
    path.write_bytes(HEADER + ROW + ROW)
    (tmp_path / "fetched" / "a.csv").unlink()
    (tmp_path / "fetched").rmdir()
    said = refusal("a.csv", tmp_path, kind="csv", sha256=pin)
    assert said.startswith("the source has changed: its SHA-256 is not data.source.sha256")


GOOD = {
    "header only": (HEADER, 0),
    "one row": (HEADER + ROW, 1),
    "Windows": ((HEADER + ROW).replace(b"\n", b"\r\n"), 1),
    "a mark": (b"\xef\xbb\xbf" + HEADER + ROW, 1),
    "blank lines": (HEADER + b"\n" + ROW + b"\n\n", 1),
    "names that are words": ("class,from,a.b,__proto__,日付,Total (€)\n1,2,3,4,5,6\n".encode(), 1),
    "a name of 300": (b"id," + b"x" * 300 + b"\n1,2\n", 1),
    "500 columns": (",".join(f"c{number}" for number in range(500)).encode() + b"\n" + b"1," * 499
                    + b"1\n", 1),
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_unusual_is_read(tmp_path: Path, kind: str) -> None:
    content, rows = GOOD[kind]
    (tmp_path / "a.csv").write_bytes(content)
    found = read("a.csv", tmp_path)
    assert found.height == rows
    header = content.decode("utf-8-sig").splitlines()[0]
    assert found.columns == header.split(",")


def test_nested_columns_matter_only_where_they_are_asked_for(tmp_path: Path) -> None:
    nested(tmp_path / "a.parquet")
    rows, is_text = scanning.scan(settings_of(kind="parquet", path="a.parquet"), tmp_path)
    assert not is_text
    assert rows.select("id").collect().rows() == [(1,)]


def test_numbers_with_points_of_thousands_are_no_fractions(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'id,amount\n1,"1,234"\n2,"12,345"\n')
    found = detecting.detect("a.csv", tables.empty(tmp_path), tmp_path)
    assert found == settings_of(kind="csv", path="a.csv")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a password": ({"kind": "sql", "url": f"postgresql://u:{CANARY}@h/d", "query": "SELECT 1"},
                   "url holds a credential"),
    "a signature": ({"kind": "csv", "path": f"https://h/a.csv?X-Amz-Signature={CANARY}"},
                    "path holds a credential"),
    "two places": ({"kind": "csv", "path": "a.csv", "variable": "A"}, "either path, or variable"),
    "no place": ({"kind": "csv"}, "either path, or variable"),
    "no encoding": ({"kind": "csv", "path": "a.csv", "encoding": "elvish"}, "no encoding is"),
    "an unknown kind": ({"kind": "avro", "path": "a"}, "does not match any of the expected tags"),
    "a chain of names": ({"kind": "csv", "path": "a", "columns": {"a": "b", "b": "c"}},
                         "'b' is a column of the source, and the new name of another"),
    "two names": ({"kind": "csv", "path": "a", "columns": {"a": "c", "b": "c"}}, "one and the"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_settings_that_cannot_be_meant_are_refused(kind: str) -> None:
    given, expected = WRONG[kind]
    with pytest.raises(ValidationError) as refused:
        settings_of(**given)
    (first,) = refused.value.errors(include_url=False, include_input=False)
    assert expected in first["msg"]
    assert CANARY not in first["msg"]
