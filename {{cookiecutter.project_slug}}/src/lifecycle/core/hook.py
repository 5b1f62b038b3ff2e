"""Hook installs the hook that checks each commit: a convenience, so where it cannot, it says why.

Nothing depends on it: `make check` is what it runs, and CI runs that anyway.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core import child, git
from lifecycle.core.command import project_root


def obstacle(root: Path) -> str | None:
    """Install it; return why that was not done, or None."""
    try:
        git.require_own(root)
    except StageError as error:
        return str(error)
    done = child.run(root, "pre_commit", "install")
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    if not done.returncode:
        return None
    return lines[0].removeprefix("[ERROR] ") if lines else "pre-commit gave no reason"


def main() -> None:
    """Install it where the project is a repository, or say in one line why it is not."""
    if reason := obstacle(project_root()):
        print(f"setup: no hook will check commits, so type make check ({reason})", file=sys.stderr)
