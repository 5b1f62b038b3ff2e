"""What nobody typed: from the last adoption, or asked at a terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from lifecycle.adopt.asked import Asked
from lifecycle.contract.errors import StageError

TYPE = "make adopt SOURCE=rows.csv TARGET=column"


def asked(given: argparse.Namespace, last: Mapping[str, Any]) -> Asked:
    """Return what was typed, or said before, or asked now.

    Raises:
        StageError: there is nobody to ask.
    """
    before = last.get("asked", {})
    if not given.source and not given.target and before:
        found = {**before, **{key: value for key, value in _typed(given).items() if value}}
        made: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
        }
        return Asked(**made)
    typed = _typed(given)
    if not typed["source"] or not typed["target"]:
        if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
            what = "SOURCE" if not typed["source"] else "TARGET"
            raise StageError(f"{what} is not given", f"type {TYPE}")
        typed |= _answers(typed)
    return Asked(**typed)


def _typed(given: argparse.Namespace) -> dict[str, Any]:
    return {
        "source": given.source.strip(), "target": given.target.strip(),
        "time": given.time.strip(), "key": split(given.key), "group": given.group.strip(),
        "task": given.task.strip().lower(), "positive": given.positive.strip(),
        "sensitive": split(given.sensitive), "query": given.query.strip(),
    }  # fmt: skip


def split(names: str) -> tuple[str, ...]:
    """Return the names of a list with commas between."""
    return tuple(one.strip() for one in names.split(",") if one.strip())


def _answers(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for what is needed, and for what helps; an empty answer leaves it to adopt."""
    found: dict[str, Any] = {}
    if not typed["source"]:
        found["source"] = _needed("Where are the rows (a file, an address, a database)? ")
    if not typed["target"]:
        found["target"] = _needed("Which column is predicted? ")
    if not typed["time"]:
        found["time"] = input("Which column says when (none, or empty: look for it)? ").strip()
    if not typed["key"]:
        found["key"] = split(input("Which columns identify a row (empty: look for them)? "))
    return found


def _needed(question: str) -> str:
    for _ in range(3):
        if answer := input(question).strip():
            return answer
    raise StageError("no answer", f"type {TYPE}")
