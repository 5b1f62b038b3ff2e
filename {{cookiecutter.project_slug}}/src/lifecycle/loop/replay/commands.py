"""The command that plays a year through the lifecycle."""

from __future__ import annotations

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("replay", "lifecycle.loop.replay.replay:main", "Play real months through the service", (
        option("months", help="YYYY-MM or YYYY-MM..YYYY-MM"),
        option("--speed", default="full", help="requests a second, or full"),
    )),
)  # fmt: skip
