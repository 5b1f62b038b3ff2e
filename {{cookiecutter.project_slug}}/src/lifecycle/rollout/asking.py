"""What the registry says of a version that is to serve on, where it can be asked at all.

Somebody who takes a version back does it there: its tag is `fail` from then on. But what serves
must come up, and a rollback succeed, also where the registry is away, broken, or on a full disk.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.records import passed, registry, store, tracking
from lifecycle.records.registry import Version
from lifecycle.records.verdict import short


@dataclass(frozen=True)
class Answer:
    """Why a version may not serve, else why that is not known; neither where it may."""

    refusal: str | None = None
    unknown: str | None = None


def ask(root: Path, params: Params, number: int) -> Answer:
    """Return what the registry says of a version."""
    try:
        version = _version(root, params, number)
        if version is None:
            return Answer(unknown=f"the registry has no version {number}")
        return Answer(refusal=passed.refusal(root, version))
    except (StageError, OSError, sqlite3.Error) as error:
        return Answer(unknown=short(error) or type(error).__name__)


def require(root: Path, params: Params, number: int, advice: str) -> None:
    """Let a version through unless the registry says that it may not serve.

    Raises:
        StageError: it says so; with `advice`.
    """
    answer = ask(root, params, number)
    if answer.refusal:
        raise StageError(f"version {number} does not serve: {answer.refusal}; {advice}")
    if answer.unknown:
        print(f"whether version {number} may still serve could not be asked: {answer.unknown}")


def _version(root: Path, params: Params, number: int) -> Version | None:
    """Return what the registry has under a number.

    Raises:
        StageError: it cannot be asked.
    """
    if store.is_local(root):
        # Its file is read, which takes no seconds of imports and changes nothing.
        found = store.version(root / "mlflow.db", params.project.name, number)
        return None if found is None else Version(number, *found)
    # One that is away is said to be so in seconds, not in minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    tracking.connect(root)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return {one.number: one for one in registry.connect(root, params).all()}.get(number)
    except (MlflowException, SQLAlchemyError) as error:
        raise StageError(short(error)) from None
