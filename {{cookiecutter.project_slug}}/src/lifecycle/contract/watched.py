"""A small file that another program replaces: read again when it has changed, never waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Watched(Generic[Value]):
    """What a file says, looked at no more often than every `seconds`."""

    def __init__(
        self, path: Path, seconds: float, read: Callable[[bytes], Value], missing: Value
    ) -> None:
        """Remember how to read the file; `missing` is its value while it cannot be read."""
        self._path, self._seconds, self._read, self._missing = path, seconds, read, missing
        self._seen: tuple[int, int, int] | None = None
        self._next = 0.0
        self._value = missing

    @property
    def value(self) -> Value:
        """What the file says now; what it said before while its content is no good."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._seconds
            self._look()
        return self._value

    def _look(self) -> None:
        try:
            found = self._path.stat()
            # A replaced file is another inode, even if time and size are those of the old one.
            mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            if mark != self._seen:
                self._value = self._read(self._path.read_bytes())
                self._seen = mark
        except OSError:
            self._value, self._seen = self._missing, None
        except ValueError:
            self._seen = mark
