"""What a command tells the workflow that runs it: outputs of a step, and its summary.

Outside a workflow, where GITHUB_OUTPUT and GITHUB_STEP_SUMMARY name no file, nothing is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(values: Mapping[str, Any]) -> None:
    """Hand `values` to the steps that follow; each has to fit one line."""
    lines = "".join(f"{name}={' '.join(str(value).split())}\n" for name, value in values.items())
    _append("GITHUB_OUTPUT", lines)


def summarise(text: str) -> None:
    """Add Markdown to the run's summary page."""
    _append("GITHUB_STEP_SUMMARY", text.rstrip() + "\n\n")


def warn(text: str) -> None:
    """Let the run's page show a warning, and its summary say it."""
    if "GITHUB_STEP_SUMMARY" in os.environ:
        print(f"::warning::{' '.join(text.split())}", flush=True)
    summarise(f"**Warning:** {text}")


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as handle:
            handle.write(text)


def main() -> None:
    """Hand over the name and the digest of an image whose reference is given as NAME@DIGEST."""
    reference = sys.stdin.read().strip()
    name, _, digest = reference.partition("@")
    write({"reference": reference, "name": name, "digest": digest})
