"""The command that judges what was served."""

from __future__ import annotations

from pathlib import Path

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("monitor", "lifecycle.monitoring.monitor:main",
            "Judge what was served: healthy, firing or could not judge", (
        option("--verdict-to", type=Path,
               help="write the verdict there, and fail only by a mistake"),
    ), is_long=True),
)  # fmt: skip
