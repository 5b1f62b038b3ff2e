"""Detecting says how a source is read, so that nobody has to: the section data.source, found out.

It fetches the source on the way, as `make source` does: what was looked at is what is read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract import values
from lifecycle.contract.errors import StageError
from lifecycle.core import source_settings as kinds
from lifecycle.core.compressed import opened
from lifecycle.sources import address, fetching, files, guessing, scanning

ROWS = 40_000
# What is written where there is no value: in any column, and only where the rest are numbers.
EVERYWHERE = ("null", "NULL", "\\N", "#N/A", "N/A", "n/a", "<NA>", "nan", "NaN", "NaT")
AMONG_NUMBERS = ("-", "--", "?", ".", "*", "na", "None", "none", "missing", "unknown", "nil")
MODELS: dict[str, Any] = {
    "csv": kinds.CsvSource, "parquet": kinds.ParquetSource, "json_lines": kinds.JsonLinesSource,
    "excel": kinds.ExcelSource,
}  # fmt: skip
VARIABLE = re.compile("[A-Z_][A-Z0-9_]*")


def detect(place: str, folder: Path, root: Path, query: str | None = None) -> kinds.Known:
    """Fetch a source into an empty folder, and return how it is read.

    Args:
        place: A path, pattern, https:// or s3:// address, the URL of a database, or the name of a
            variable of the environment that holds one of these.
        folder: An empty folder for its files.
        root: The project's folder, which paths are relative to.
        query: What a database is asked.

    Raises:
        StageError: it cannot be had, or it is no table.
    """
    named = VARIABLE.fullmatch(place) and place in os.environ and not (root / place).exists()
    given: dict[str, Any] = {"variable": place} if named else {"path": place}
    found = os.environ[place].strip() if named else place
    if not named and kinds.holds_secret(place):
        said = "the source's address holds a credential, which params.yaml would keep"
        raise StageError(said, "export it as a variable, and give the variable's name")
    scheme = address.split(found).scheme
    if query or ("://" in found and scheme not in (*address.WEB, address.BUCKET)):
        return _database(place if named else None, found, folder, root, query)
    first = MODELS[_by_names(found, root)].model_validate({"kind": _by_names(found, root), **given})
    fetching.fetch(first, folder, root)
    kind = _by_content(files.reading(first, folder)[0], first.kind)
    if scheme in address.WEB:
        given["sha256"] = fetching.checksum(folder)
    return _looked_at({"kind": kind, **given}, folder)


def _database(
    variable: str | None, url: str, folder: Path, root: Path, query: str | None
) -> kinds.Known:
    from lifecycle.sources import database

    asked = query or database.only_table(url, root)
    given = {"variable": variable} if variable else {"url": url}
    settings = kinds.SqlSource.model_validate({"kind": "sql", "query": asked, **given})
    fetching.fetch(settings, folder, root)
    return settings


def _by_names(place: str, root: Path) -> str:
    """Return the kind that most files are of, by their names; that of text where they say none."""
    own = files.kind_by_name(address.split(place).path if "://" in place else place)
    if own:
        return own
    counted = Counter(map(files.kind_by_name, fetching.names(place, root)))
    found = [kind for kind, _ in counted.most_common() if kind]
    return found[0] if found else "csv"


def _by_content(path: Path, named: str) -> str:
    """Return the kind of a file, by how it begins."""
    with path.open("rb") as handle:
        start = handle.read(4)
    other = next((kind for mark, kind in scanning.OTHERS.items() if start.startswith(mark)), None)
    if other:
        return other
    try:
        with opened(path) as stream:
            text = stream.read(1 << 12).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise StageError(f"{path} cannot be read: {error}") from None
    if text.startswith(b"[") and named == "json_lines":
        raise StageError(f"{path} is one JSON list", "write one object a line")
    if text.startswith(b"{"):
        return "json_lines"
    return named if named == "json_lines" or not text else "csv"


def _looked_at(given: dict[str, Any], folder: Path) -> kinds.Known:
    """Add what the files themselves say."""
    model = MODELS[given["kind"]]
    first = files.reading(model.model_validate(given), folder)[0]
    if given["kind"] == "csv":
        given |= _text(files.reading(model.model_validate(given), folder))
    elif given["kind"] == "excel" and len(sheets := scanning.sheets(first)) > 1:
        given["sheet"] = sheets[0]
    settings: kinds.Known = model.model_validate(given)
    rows, is_text = scanning.scan(settings, folder)
    found = nulls(rows.head(ROWS), is_text=is_text)
    return settings.model_copy(update={"nulls": found}) if found else settings


def _text(paths: list[Path]) -> dict[str, Any]:
    """Return how text is written, where that is otherwise than usual."""
    names = {guessing.encoding(path) for path in paths} - {"utf-8"}
    if len(names) > 1:
        raise StageError(f"the files of the source are in {', '.join(sorted(names))}",
                         "write all of them in UTF-8")  # fmt: skip
    name = next(iter(names), "utf-8")
    text = guessing.head(paths[0], name)
    if not text.strip():
        raise StageError(f"{paths[0]} is empty", "give a file with a header and rows")
    known = guessing.dialect(text, name)
    found = {"delimiter": known.delimiter, "encoding": name, "quote": known.quote,
             "decimal": guessing.decimal(guessing.records(text, known))}  # fmt: skip
    usual = kinds.CsvSource.model_fields
    return {key: value for key, value in found.items() if value != usual[key].default}


def nulls(rows: pl.LazyFrame, *, is_text: bool) -> tuple[str, ...]:
    """Return the words that stand for no value in text columns of these rows."""
    names = [name for name, kind in rows.collect_schema().items() if kind == pl.String]
    if not names:
        return ()
    blank = ("",) if is_text else ("", values.NULL_WORD)
    words = [*EVERYWHERE, *AMONG_NUMBERS, *(() if is_text else blank)]
    asked = []
    for number, name in enumerate(names):
        text = pl.col(name).str.strip_chars()
        asked.append(text.filter(text.is_in(words)).unique().implode().alias(f"words {number}"))
        rest = text.filter(text.is_not_null() & ~text.is_in([*words, *blank]))
        point = rest.str.replace(",", ".", literal=True)
        is_number = (point.str.contains(values.NUMBER) | point.str.contains(values.MOMENT)).mean()
        asked.append(is_number.alias(f"numbers {number}"))
    row = rows.select(asked).collect(engine="streaming").row(0, named=True)
    found = set[str]()
    for number in range(len(names)):
        of_numbers = (row[f"numbers {number}"] or 0) > 0.9
        found |= {word for word in row[f"words {number}"] or ()
                  if of_numbers or word not in AMONG_NUMBERS}  # fmt: skip
    return tuple(sorted(found))
