"""The model's file, read by the project's own code."""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.errors import StageError
from project.model import Model


def load(path: Path) -> Model:
    """Read a model file.

    Raises:
        StageError: the file is missing or is no model of this project.
    """
    try:
        return Model.load(path)
    except ValueError as error:
        raise StageError(str(error)) from None
