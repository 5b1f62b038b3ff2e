"""The command that brings back what is kept of models."""

from __future__ import annotations

from lifecycle.core.command import Command

COMMANDS = (
    Command("history", "lifecycle.records.history:main",
            "Restore the registry of this machine from the releases' git tags"),
)  # fmt: skip
