"""What the owner edited stays, what he left follows the data, limits only widen."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.adopt import writing
from lifecycle.adopt.proposal import MISSING, Merged, items, merge
from lifecycle.contract.section import plain


def leaf(key: str, value: Any) -> dict[tuple[str, ...], Any]:
    return {} if value is MISSING else {("x", key): value}


@pytest.mark.parametrize(
    ("key", "was", "now", "new", "changes", "kept"),
    [
        ("type", "integer", "integer", "float", "float", 0),
        ("type", "integer", "string", "float", None, 1),
        ("type", "integer", "float", "float", None, 0),
        ("unit", MISSING, "metres", MISSING, None, 0),
        ("zone", "UTC", "UTC", MISSING, MISSING, 0),
        ("zone", "UTC", "Europe/Berlin", MISSING, None, 1),
        ("maximum", 10, 10, 12, 12, 0),
        ("maximum", 10, 10, 8, None, 0),
        ("minimum", 0, 0, -5, -5, 0),
        ("minimum", 0, 0, 5, None, 0),
        ("maximum", 10, 20, 12, None, 1),
        ("null_share", 0.1, 0.1, 0.05, None, 0),
        ("categories", ["a", "b"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c"], 0),
        ("categories", ["a", "b"], ["b", "z"], ["a", "b", "c"], ["b", "z", "c"], 0),
        ("categories", ["a", "b"], ["a"], ["a", "b"], None, 0),
    ],
)
def test_each_leaf_is_merged_three_ways(
    key: str, was: Any, now: Any, new: Any, changes: Any, kept: int
) -> None:
    base, ours, theirs = (leaf(key, one) for one in (was, now, new))
    merged = merge(base, ours, theirs)
    assert merged.changes == ({} if changes is None else {("x", key): changes})
    assert len(merged.kept) == kept


def test_expectations_of_both_sides_are_kept() -> None:
    def one(name: str, notes: str = "") -> dict[str, Any]:
        return {"type": name, "kwargs": {}, "notes": notes}

    found = items(
        [one("a"), one("b"), one("c")],
        [one("mine"), one("a", "edited"), one("c")],
        [one("a"), one("b"), one("new")],
    )
    assert found == [one("mine"), one("a", "edited"), one("new")]


def test_with_its_last_limit_a_metric_goes_and_with_another_it_stays() -> None:
    text = "gate:\n  metrics:\n    r2: {minimum: 0.1, maximum: 0.9}\n    log_loss: {minimum: 0.2}\n"
    gone: dict[tuple[str, ...], Any] = {
        ("gate", "metrics", name, "minimum"): MISSING for name in ("r2", "log_loss")
    }
    changed = writing.changed(text, Merged(gone), ())
    assert plain(changed) == {"gate": {"metrics": {"r2": {"maximum": 0.9}}}}
