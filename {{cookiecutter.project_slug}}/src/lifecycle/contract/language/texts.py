"""What can be made of text, and what a table of values gives for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lifecycle.contract.language.function import Array, Function, gives, narwhals
from lifecycle.contract.language.graph import FLOAT, INTEGER, TEXT

# More letters than any text has.
PLENTY = 2.0**40
# Libraries differ about which of them ends a word, and then is another letter.
SIGMA, SMALL_SIGMA = "\u03a3", "\u03c3"
# Capital letters that came into Unicode after Python 3.11, which Polars knows.
LATE = {
    0x1C89: 0x1C8A, 0xA7CB: 0x0264, 0xA7CC: 0xA7CD, 0xA7CE: 0xA7CF, 0xA7D2: 0xA7D3,
    0xA7D4: 0xA7D5, 0xA7DA: 0xA7DB, 0xA7DC: 0x019B,
    **{letter: letter + 32 for letter in range(0x10D50, 0x10D66)},
    **{letter: letter + 27 for letter in range(0x16EA0, 0x16EB9)},
    ord(SIGMA): ord(SMALL_SIGMA),
}  # fmt: skip


def _lower(value: str) -> str:
    return value.lower() if value.isascii() else value.translate(LATE).lower()


def _each(
    function: Callable[..., Any], kind: Any = object, missing: Any = None
) -> Callable[..., Array]:
    def array(values: Array, *options: Any) -> Array:
        found = [missing if v is None else function(v, *options) for v in values.tolist()]
        return np.array(found, kind)

    return array


def _table(kind: str) -> Function:
    """Return what a table has for each value; `otherwise` for one that it lacks, and for null."""

    def frame(values: Any, table: Mapping[Any, Any], otherwise: Any) -> Any:
        nw = narwhals()
        made = nw.String if kind == TEXT else nw.Float64
        return values.replace_strict(
            [*table], [*table.values()], default=otherwise, return_dtype=made
        )

    def array(values: Array, table: Mapping[Any, Any], otherwise: Any) -> Array:
        found = [table.get(value, otherwise) for value in values.tolist()]
        # Of numbers None becomes NaN.
        return np.array(found, object if kind == TEXT else np.float64)

    return Function("", {"value": "category"}, gives(kind), frame, array)


FUNCTIONS = {
    "lower": Function(
        "its letters in lower case", {"text": TEXT}, gives(TEXT),
        lambda text: text.str.replace_all(SIGMA, SMALL_SIGMA, literal=True).str.to_lowercase(),
        _each(_lower),
    ),
    "length": Function(
        "how many letters it has", {"text": TEXT}, gives(INTEGER, PLENTY),
        lambda text: text.str.len_chars().cast(narwhals().Float64), _each(len, np.float64, np.nan),
    ),
    "prefix": Function(
        "its first so many letters", {"text": TEXT, "letters": "letters"}, gives(TEXT),
        lambda text, letters: text.str.head(letters),
        _each(lambda value, letters: value[:letters]),
    ),
}  # fmt: skip
# What is learnt by category, or read from a file, is evaluated as one of these.
TABLES = {"numbers of": _table(FLOAT), "texts of": _table(TEXT)}
