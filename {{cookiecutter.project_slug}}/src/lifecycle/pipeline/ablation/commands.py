"""The command that says what each feature earns."""

from __future__ import annotations

from lifecycle.core.command import Command

COMMANDS = (
    Command("ablate", "lifecycle.pipeline.ablation.ablate:main", "Say what each feature earns"),
)
