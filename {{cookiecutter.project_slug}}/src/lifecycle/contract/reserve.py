"""A little of a disk, set aside while there is some: what a rollback writes where the disk is full.

It lies in small pieces in the folder `reserve` above what is written. A write for which there is no
room takes away one of them and is tried again at once, so that nobody else is there first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from lifecycle.contract.errors import FULL

# A rollback writes about a dozen small files; a piece is more than one of them takes.
PIECES, PIECE_BYTES = 32, 32_768


def fill(folder: Path) -> None:
    """Set aside what is missing of the reserve of a folder; less where there is no room for it."""
    place = folder / "reserve"
    for number in range(PIECES):
        piece = place / f"{number:02}"
        if piece.is_file() and piece.stat().st_size == PIECE_BYTES:
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
            # Chance, as zeros may take no room on a disk that compresses.
            piece.write_bytes(os.urandom(PIECE_BYTES))
        except OSError:
            with contextlib.suppress(OSError):
                piece.unlink()
            return


def _take(path: Path) -> bool:
    """Take a piece away that is on the way to `path`; say whether there was one."""
    for above in path.parents:
        for piece in (above / "reserve").glob("[0-9][0-9]"):
            with contextlib.suppress(OSError):
                piece.unlink()
                return True
    return False


def attempts(path: Path) -> Iterator[contextlib.AbstractContextManager[None]]:
    """Yield attempts to write `path`, until one finds room or the reserve is used up.

    Raises:
        OSError: in the last one.
    """
    done = False

    @contextlib.contextmanager
    def attempt() -> Iterator[None]:
        nonlocal done
        try:
            yield
            done = True
        except OSError as error:
            if error.errno not in FULL or not _take(path):
                raise

    while not done:
        yield attempt()
