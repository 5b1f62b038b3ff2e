"""A module of this environment, run as a program of its own in a project's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run(root: Path, module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a module in `root`, with the code of that project; return whatever came of it."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def dvc_reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return DVC's own first line of why it failed, for a message."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    return (errors or ["no message"])[0].removeprefix("ERROR: ")
