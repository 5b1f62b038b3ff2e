"""Whether the folder of the prediction log can be one: where it cannot, every line is lost."""

from __future__ import annotations

import os
from pathlib import Path


def fault(folder: Path) -> str | None:
    """Return why nothing can be logged in a folder, or read there, and what to do; else None.

    One that is missing is made with the first line.
    """
    if folder.is_symlink() and not folder.exists():
        what, mend = "is a link to nothing", "remove it"
    elif not folder.exists():
        return None
    elif not folder.is_dir():
        what, mend = "is no folder", "move it away"
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        what, mend = "may not be read and written by this user", "change its rights or owner"
    else:
        return None
    return f"the prediction log is lost, as {folder} {what}: {mend}, and it goes on"
