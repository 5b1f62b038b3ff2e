"""Issue keeps one open GitHub issue about each thing that went wrong: opened once, then updated."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.core import outputs
from lifecycle.core.command import project_root
from lifecycle.core.params import load_params
from lifecycle.delivery import github

LONGEST = 60_000


def verbatim(text: str) -> str:
    """Return text, which a client may have had a hand in, as Markdown that shows it as it is.

    In a code span there are no links, images, HTML, names of people or numbers of issues.
    """
    line = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def paragraph(see: str) -> str:
    """Return a place of the runbook: as a link where the run that asks names its repository."""
    repository, found, _ = os.environ.get("RUN_URL", "").partition("/actions/")
    return f"[{see}]({repository}/blob/HEAD/{see})" if found else f"`{see}`"


def about_monitor(root: Path) -> tuple[str, str]:
    """Return title and text about a monitor that fires."""
    made = read_json(root / load_params().paths.monitor_report)
    alerts = "".join(
        f"- **{one['kind']}**: {verbatim(one['message'])} What to do: {paragraph(one['see'])}\n"
        for one in made["alerts"]
    )
    sentences = "".join(f"- {verbatim(one)}\n" for one in made["sentences"])
    title = f"Monitor fires: {made['environment']}, version {made['version']}"
    # By the same workflow, where the part is there that retrains.
    begun = "A retrain was started. " if (root / ".github/workflows/train.yml").is_file() else ""
    text = (f"**{made['verdict']}**: {verbatim(made['reason'])}\n\n{alerts}\n{sentences}\n"
            f"Judged at {made['judged_at']}. {begun}Until a better version is released, this one "
            "serves.")  # fmt: skip
    return title, text


def about_upstream(root: Path) -> tuple[str, str]:
    """Return title and text about newest versions that break something."""
    path = root / "reports/upstream.md"
    text = (
        path.read_text(encoding="utf-8")
        if path.is_file()
        else "`make upstream` ended before it wrote its report: the run's log says where.\n"
    )
    return "Newest versions break the project", text


SUBJECTS: dict[str, Callable[[Path], tuple[str, str]]] = {
    "monitor": about_monitor, "upstream": about_upstream,
}  # fmt: skip


def main(given: argparse.Namespace) -> None:
    """Open or update the issue about what is named."""
    about = given.about
    if about not in SUBJECTS:
        names = " or ".join(f"ABOUT={name}" for name in SUBJECTS)
        raise StageError(f"{about or 'nothing'} is nothing to open an issue about: say {names}")
    title, text = SUBJECTS[about](project_root())
    if url := os.environ.get("RUN_URL"):
        text += f"\n\n[The run that found it]({url})"
    said = github.keep_issue(about, title, text[:LONGEST])
    print(f"issue: {said}: {title}")
    outputs.summarise(f"{said.capitalize()}: {title}")
