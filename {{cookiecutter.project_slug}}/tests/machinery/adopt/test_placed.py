"""Keys of a YAML file are set, added and taken out; everything else keeps its bytes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from lifecycle.adopt.placed import entry, put, taken
from lifecycle.contract.errors import StageError

TEXT = """\
# Top.
data:
  # About the source.
  source: old
  window:  # months
    start: "2013-01"

gate:
  # Floors.
  metrics:
    # Of the area.
    area: {minimum: 0.6}
  size: {maximum: 20.0, unit: MB}  # small

last: [1, 2]
"""
CASES: dict[str, tuple[tuple[str, ...], Any, str, str]] = {
    "a value": (("data", "source"), "new", "source: old", "source: new"),
    "a mapping, with the comments in it": (
        ("gate", "metrics"), {"loss": {"maximum": 1}},
        "metrics:\n    # Of the area.\n    area: {minimum: 0.6}",
        "metrics:\n    loss: {maximum: 1}",
    ),
    "a key of a mapping in braces": (
        ("gate", "size", "unit"), "kB", "{maximum: 20.0, unit: MB}", "{maximum: 20.0, unit: kB}"
    ),
    "a key that is not there": (
        ("data", "unit"), "week", '    start: "2013-01"\n', '    start: "2013-01"\n  unit: week\n'
    ),
    "a key that is not in braces": (
        ("gate", "size", "more"), 1, "unit: MB}", "unit: MB, more: 1}"
    ),
    "a key below one that is not there": (
        ("gate", "slices", "least"), 0.5, "# small\n", "# small\n  slices: {least: 0.5}\n"
    ),
    "a section": (("new",), {"a": {"b": {"c": [1]}}}, "last: [1, 2]\n",
                  "last: [1, 2]\nnew:\n  a:\n    b: {c: [1]}\n"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "old", "new"), CASES.values(), ids=CASES)
def test_a_key_is_put_where_it_belongs(
    path: tuple[str, ...], value: Any, old: str, new: str
) -> None:
    found = put(TEXT, path, value)
    assert found == TEXT.replace(old, new)
    there = yaml.safe_load(found)
    for part in path:
        there = there[part]
    assert there == value


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("data", "source"), "  # About the source.\n  source: old\n"),
        (("gate", "size", "unit"), ", unit: MB"),
        (("data",), TEXT[: TEXT.index("\ngate")]),
        (("nothing", "here"), ""),
    ],
)
def test_a_key_is_taken_out_with_the_comments_above_it(path: tuple[str, ...], gone: str) -> None:
    assert taken(TEXT, path) == TEXT.replace(gone, "")


def test_what_is_no_mapping_holds_no_key() -> None:
    with pytest.raises(StageError, match=r"data\.source is no mapping, so kind has no place in it"):
        put(TEXT, ("data", "source", "kind"), "csv")


@pytest.mark.parametrize(
    "value",
    [
        {"categories": ["no", "yes", "1", "1.0", "a'b", "# x", "null", "a\nb", "", " ", "日付",
                        "2013-05-31"]},
        {"categories": [f"a long value, number {n}" for n in range(40)]},
        {"description": "a: b # c", "list": [{"type": "x", "kwargs": {"a": 1, "b": "on"}}]},
        {"{" + "{x}}": "*a", "a.b": {"deep": {"deeper": {"deepest": [1, 2.5, None, True]}}}},
    ],
)  # fmt: skip
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    assert yaml.safe_load(entry("class", value)) == {"class": value}
    assert yaml.safe_load(f"above:\n{entry('class', value, 2)}\n") == {"above": {"class": value}}
