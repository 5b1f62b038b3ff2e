"""The files of a source, fetched anew for a retrain: those of before are kept until it is done."""

from __future__ import annotations

import shutil
from pathlib import Path


def _before(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.before")


def set_aside(folder: Path) -> None:
    """Move the files out of the way, so that they are fetched."""
    before = _before(folder)
    if folder.is_dir():
        # What a run has left there that was killed once its files were to stay.
        shutil.rmtree(before, ignore_errors=True)
        folder.rename(before)


def undo(folder: Path) -> None:
    """Bring back the files that were moved out of the way, if any were."""
    before = _before(folder)
    if before.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        before.rename(folder)


def keep(folder: Path) -> None:
    """Let what was fetched stay, and forget what was there before."""
    shutil.rmtree(_before(folder), ignore_errors=True)
