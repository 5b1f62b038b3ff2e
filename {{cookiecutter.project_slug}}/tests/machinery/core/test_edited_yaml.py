"""A value is replaced where it stands, however its owner has written the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.contract.errors import StageError
from lifecycle.core.edited_yaml import replaced, rewrite

WINDOW = {"data.window.start": "2013-04", "data.window.end": "2014-01"}
# How somebody may write a file, and how it reads afterwards.
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a comment behind the value": (
        "train:\n  depth: 5  # deep enough\n", {"train.depth": 7},
        "train:\n  depth: 7  # deep enough\n",
    ),
    "braces": (
        "data: {source: a,  window: { start: '2013-01' , end: \"2013-05\" } }  # all\n", WINDOW,
        "data: {source: a,  window: { start: '2013-04' , end: \"2014-01\" } }  # all\n",
    ),
    "keys and values in quotes": (
        "\"data\":\n    'window':\n        end :   '2013-05'\n        \"start\": 2013-01\n", WINDOW,
        "\"data\":\n    'window':\n        end :   '2014-01'\n        \"start\": 2013-04\n",
    ),
    "the line ends of another system": (
        "# é\r\ntrain:\r\n  depth: 5\r\n\r\n  rate: 0.1\r\n", {"train.rate": 5e-05},
        "# é\r\ntrain:\r\n  depth: 5\r\n\r\n  rate: 5.0e-05\r\n",
    ),
    "the mark of a text at its beginning": (
        "\ufefftrain: {depth: 5}", {"train.depth": 7}, "\ufefftrain: {depth: 7}",
    ),
    "an alias": (
        "limits: {deep: &deep 5}\ntrain: {depth: *deep, other: *deep}\n", {"train.depth": 7},
        "limits: {deep: &deep 5}\ntrain: {depth: 7, other: *deep}\n",
    ),
    "a key that others have as well": (
        "tune: {depth: [1, 9]}\ntrain:\n  # depth: 4\n  depth: 5\nlast: {depth: 0}\n",
        {"train.depth": 7},
        "tune: {depth: [1, 9]}\ntrain:\n  # depth: 4\n  depth: 7\nlast: {depth: 0}\n",
    ),
    "the last of a key that is there twice, which is the one that counts": (
        "train: {depth: 5, depth: 6}\n", {"train.depth": 7}, "train: {depth: 5, depth: 7}\n",
    ),
    "a whole section": (
        "gate:\n  # Floors.\n  size: {maximum: 20.0}\n  worst: [1,\n    2]\n\n# Next.\nlast: 1\n",
        {"gate": {"size": {"maximum": None}, "worst": [True, "on", "5"]}},
        "gate:\n  # Floors.\n  {size: {maximum: null}, worst: [true, 'on', '5']}\n\n"
        "# Next.\nlast: 1\n",
    ),
    "the first key, without an end of line": ("depth: 5", {"depth": 7}, "depth: 7"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "values", "after"), CASES.values(), ids=CASES)
def test_only_the_bytes_of_the_value_change(
    before: str, values: dict[str, Any], after: str, tmp_path: Path
) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(before.encode())
    rewrite(path, values)
    assert path.read_bytes().decode() == after
    found = yaml.safe_load(after)
    for key, value in values.items():
        there = found
        for name in key.split("."):
            there = there[name]
        assert there == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train:\n  seed: 1\n", r"params\.yaml has no train\.depth to write to: give it a line"),
        ("train: 5\n", r"has no train\.depth to write to"),
        ("- train\n", r"has no train\.depth to write to"),
        ("", r"has no train\.depth to write to"),
        # Of another section, which would change as well.
        ("base: &base {depth: 5}\ntrain: *base\n", r"has no train\.depth to write to"),
        ("base: &base {depth: 5}\ntrain: {<<: *base}\n", r"has no train\.depth to write to"),
        (
            "train: {depth: &deep 5}\nother: *deep\n",
            r"value of train\.depth has an anchor, which other keys may share: write the value out",
        ),
    ],
)
def test_what_would_change_more_is_refused(text: str, said: str) -> None:
    with pytest.raises(StageError, match=said):
        replaced(text, {"train.depth": 7})
