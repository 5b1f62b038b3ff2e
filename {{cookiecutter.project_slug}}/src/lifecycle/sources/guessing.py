"""How text is written, found by looking at it: encoding, delimiter, quote, decimal sign.

A guess that the text itself contradicts is not made: where two encodings are mixed, no reading of
the file is right.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import charset_normalizer

from lifecycle.contract.errors import StageError
from lifecycle.core.compressed import opened
from lifecycle.core.csv_file import BLOCK, Dialect

SAMPLE = 1 << 20
MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
DELIMITERS, QUOTES = (",", ";", "\t", "|"), ('"', "'", None)
# Of the lines with other signs than ASCII: so many in UTF-8 are no accident.
MIXED_SHARE = 0.05
# Where it may be as well, it is: the others of Western Europe differ in signs that hardly occur.
WESTERN = "cp1252"
DECIMAL = re.compile(r"-?[0-9]+,([0-9]+)(?:[eE][+-]?[0-9]+)?")
POINT = re.compile(r"-?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"-?[0-9]+")
THOUSANDS = 3


def encoding(path: Path) -> str:
    """Return how the text of a file is encoded.

    Raises:
        StageError: in two ways, or in none that is known.
    """
    try:
        with opened(path) as stream:
            start = stream.read(4)
        for mark, name in MARKS.items():
            if start.startswith(mark):
                return name
        if start[1:2] == b"\0":
            return "utf-16-le"
        if start[:1] == b"\0":
            return "utf-16-be"
        return "utf-8" if _is_utf8(path) else _older(path)
    except OSError as error:
        raise StageError(f"{path} cannot be read: {error}") from None


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with opened(path) as stream:
            for block in iter(partial(stream.read, BLOCK), b""):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with other signs than ASCII, and their numbers."""
    with opened(path) as stream:
        for number, line in enumerate(io.BufferedReader(stream, BLOCK), 1):
            if not line.isascii():
                yield number, line


def _older(path: Path) -> str:
    """Return the encoding of a text that is not UTF-8."""
    first: dict[bool, int] = {}
    count, sample, size = Counter[bool](), [], 0
    for number, line in _lines(path):
        is_utf8 = _decodes(line)
        first.setdefault(is_utf8, number)
        count[is_utf8] += 1
        if not is_utf8 and size < SAMPLE:
            sample.append(line)
            size += len(line)
    if count[True] > MIXED_SHARE * count.total():
        said = f"{path} mixes encodings: line {first[True]} is UTF-8, line {first[False]} is not"
        raise StageError(said, "write all of it in UTF-8")
    found = charset_normalizer.from_bytes(b"".join(sample)[:SAMPLE])
    best = found.best()
    if best is None:
        raise StageError(f"{path} is in no encoding that is known", "write it in UTF-8")
    alike = [one.encoding for one in found if one.chaos <= best.chaos]
    alike += [name for one in found for name in one.could_be_from_charset if one is best]
    return WESTERN if WESTERN in alike else str(best.encoding)


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def head(path: Path, name: str) -> str:
    """Return the beginning of a text, up to the end of a line."""
    with opened(path) as stream:
        content = stream.read(SAMPLE)
    text: str = content.decode(name, "replace").removeprefix("\ufeff")
    return text if len(content) < SAMPLE else text[: text.rfind("\n") + 1] or text


def dialect(text: str, name: str) -> Dialect:
    """Return the dialect by which most records have as many fields as the header."""
    found, best = Dialect(encoding=name), (0.0, 0)
    for quote in QUOTES:
        for delimiter in DELIMITERS:
            score = _score(records(text, Dialect(delimiter, name, quote)))
            # Another quote, or none, is believed of whole records alone: one may be open.
            if score > best and (quote == QUOTES[0] or score[0] == 1):
                found, best = Dialect(delimiter, name, quote), score
    return found


def _score(rows: list[list[str]]) -> tuple[float, int]:
    """Return the share of records that are as long as the header, and how long that is."""
    if not rows or len(rows[0]) == 1:
        return 0.0, 0
    width = len(rows[0])
    return sum(len(row) == width for row in rows) / len(rows), width


def records(text: str, known: Dialect) -> list[list[str]]:
    """Return the records of a text; none where its quotes are not those of the dialect."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if known.quote else csv.QUOTE_NONE
    read = csv.reader(io.StringIO(text, newline=""), delimiter=known.delimiter,
                      quotechar=known.quote, quoting=quoting, strict=True)  # fmt: skip
    try:
        return [row for row in read if row]
    except csv.Error:
        return []


def decimal(rows: list[list[str]]) -> str:
    """Return the decimal sign of records: a comma where numbers have one, not of thousands."""
    cells = [cell for row in rows[1:] for cell in row]
    if any(POINT.fullmatch(cell) for cell in cells):
        return "."
    for column in zip(*rows[1:], strict=False):
        filled = [cell for cell in column if cell]
        found = [match for match in map(DECIMAL.fullmatch, filled) if match]
        numbers = len(found) + sum(bool(WHOLE.fullmatch(cell)) for cell in filled)
        is_fraction = any(len(match[1]) != THOUSANDS for match in found)
        if is_fraction and numbers > 0.9 * len(filled):
            return ","
    return "."
