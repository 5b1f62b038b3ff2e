"""Own_folder empties the folder that an environment is made in: one that we made, and no other.

Any Python runs it, before there is an environment.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

MARK = "made-by-make-setup"
# What one has that is whole; those made before there was a mark are known by it.
WHOLE = ("pyvenv.cfg", "installed.txt")


def is_ours(folder: Path) -> bool:
    """Say whether `make setup` made a folder."""
    return (folder / MARK).is_file() or all((folder / name).is_file() for name in WHOLE)


def empty(folder: Path) -> str | None:
    """Let a folder be there, marked as ours, else empty; return what forbids it, or None."""
    if folder.exists() and not folder.is_dir():
        return f"{folder} is a file"
    if folder.is_dir() and any(folder.iterdir()) and not is_ours(folder):
        return f"{folder} holds files that are not from make setup, and would be lost"
    folder.mkdir(parents=True, exist_ok=True)
    # First: whoever is killed in between finds it to be ours.
    (folder / MARK).touch()
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    return None


def main(place: str) -> str | None:
    """Empty the folder, or return one line that says why not and what to type."""
    try:
        reason = empty(Path(place))
    except OSError as error:
        reason = f"{place} cannot be emptied ({error})"
    advice = "name another folder (make setup VENV=..., SERVING_VENV=...), or move it away"
    return f"setup: {reason}: {advice}" if reason else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
