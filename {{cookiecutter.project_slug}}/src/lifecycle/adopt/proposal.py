"""Three ways to one: what adopt wrote last, what the owner made of it, what it would write now.

What the owner has edited stays, and is said; what he left follows the data. Limits only widen: rows
that were once good stay good.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MISSING = object()
WIDENS = {"minimum": min, "maximum": max, "null_share": max, "unknown_share": max}


@dataclass
class Merged:
    """Changes by path (MISSING takes a key out), and what was kept of the owner's."""

    changes: dict[tuple[str, ...], Any] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


def leaves(tree: Mapping[str, Any], depth: int) -> dict[tuple[str, ...], Any]:
    """Return the values of a tree by their paths, no deeper than `depth` keys."""
    found: dict[tuple[str, ...], Any] = {}
    for key, value in tree.items():
        if depth > 1 and isinstance(value, dict) and value:
            found |= {(key, *rest): one for rest, one in leaves(value, depth - 1).items()}
        else:
            found[(key,)] = value
    return found


def merge(
    base: Mapping[tuple[str, ...], Any],
    ours: Mapping[tuple[str, ...], Any],
    theirs: Mapping[tuple[str, ...], Any],
) -> Merged:
    """Return what changes in `ours`.

    Args:
        base: What adopt wrote last.
        ours: What is there now.
        theirs: What adopt would write now.
    """
    merged = Merged()
    for path in [*theirs, *(path for path in base if path not in theirs)]:
        was, now, new = (side.get(path, MISSING) for side in (base, ours, theirs))
        new = _widened(path[-1], was, new)
        if path[-1] == "categories" and all(
            isinstance(one, list | tuple) for one in (was, now, new)
        ):
            new = _united(was, now, new)
            was = now
        if _same(now, new):
            continue
        if _same(now, was):
            merged.changes[path] = new
        elif not _same(was, new):
            merged.kept.append(f"{'.'.join(path)}: yours is {_shown(now)}, and the data now says "
                               f"{_shown(new)}")  # fmt: skip
    return merged


def items(base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any]:
    """Return a list of which entries were added and taken out on both sides; the owner's order."""
    before, now, new = ({_named(one): one for one in side} for side in (base, ours, theirs))
    kept = [one for name, one in now.items() if name in new or name not in before]
    return kept + [one for name, one in new.items() if name not in now and name not in before]


def _widened(key: str, was: Any, new: Any) -> Any:
    if key in WIDENS and all(isinstance(one, int | float) for one in (was, new)):
        return WIDENS[key](was, new)
    return new


def _united(was: Any, now: Any, new: Any) -> list[str]:
    """Add to the owner's categories those that are new since; what is gone from the data stays."""
    return [*now, *(one for one in new if one not in was and one not in now)]


def _named(one: Any) -> str:
    """Return what tells an entry from others: all but its notes."""
    known = {k: v for k, v in one.items() if k != "notes"} if isinstance(one, dict) else one
    return json.dumps(known, sort_keys=True, default=str)


def _same(one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return one is other
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(
        other, sort_keys=True, default=str
    )


def _shown(value: Any) -> str:
    return "none" if value is MISSING else str(value)
