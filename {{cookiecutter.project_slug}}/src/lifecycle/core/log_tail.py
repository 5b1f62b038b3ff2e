"""What a log has got since a moment, though the supervisor may have begun another file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

# supervisord's own, of 5 MB each: NAME, NAME.1 and NAME.2.
BACKUPS = 2


class Position(NamedTuple):
    """How far a log has been written: which file, and its size."""

    file: int = 0
    size: int = 0


def position(log: Path) -> Position:
    """Return how far a log has been written now."""
    try:
        found = log.stat()
    except FileNotFoundError:
        return Position()
    return Position(found.st_ino, found.st_size)


def since(log: Path, begin: Position) -> str:
    """Return what was written to a log after a position."""
    text = b""
    for path in (log, *(log.with_name(f"{log.name}.{n + 1}") for n in range(BACKUPS))):
        try:
            with path.open("rb") as file:
                content = file.read()
                number = path.stat().st_ino
        except FileNotFoundError:
            break
        if number == begin.file:
            # A file that has become shorter was begun again.
            start = begin.size if begin.size <= len(content) else 0
            return (content[start:] + text).decode(errors="replace")
        text = content + text
    return text.decode(errors="replace")
