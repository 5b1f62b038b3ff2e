"""The command that writes one page about the whole lifecycle."""

from __future__ import annotations

from lifecycle.core.command import Command

COMMANDS = (
    Command("report", "lifecycle.reporting.report:main",
            "Write one page about the whole lifecycle: reports/site/index.html", is_long=True),
)  # fmt: skip
