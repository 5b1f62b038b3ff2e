"""Paths of sockets, as an address has room for them: 107 characters, on a Mac 104."""

from __future__ import annotations

import os
from pathlib import Path


def reach(path: Path | str) -> str:
    """Return the shorter of a path and that from the working directory."""
    return min(str(path), os.path.relpath(path), key=len)
