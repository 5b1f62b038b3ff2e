"""The verdicts that came with bundles: what proves a version whose run is on another machine.

`receive` has checked each before it is kept. The version's tags are kept beside it: in MLflow they
are changed with one click.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lifecycle.contract.files import read_state, write_json
from lifecycle.contract.section import Section


class Received(Section, strict=True):
    """What a bundle said of its version."""

    lineage: dict[str, str]
    gate: dict[str, Any]


def _path(root: Path, number: int) -> Path:
    return root / ".lifecycle" / "verdicts" / f"{number}.json"


def keep(root: Path, number: int, tags: dict[str, str], gate: dict[str, Any]) -> None:
    """Keep the verdict that let a version through elsewhere, and the tags that it has here."""
    write_json(_path(root, number), {"lineage": tags, "gate": gate})


def kept(root: Path, number: int) -> Received | None:
    """Return what was kept of a version, or None where nothing was, or it is broken."""
    try:
        return Received.model_validate(read_state(_path(root, number)))
    except ValidationError:
        return None
