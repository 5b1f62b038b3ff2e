"""The commands that make the lifecycle a loop."""

from __future__ import annotations

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("retrain", "lifecycle.loop.retrain:main",
            "Move the data window, run pipeline, gate and rollout", (
        option("--end", help="the newest month, YYYY-MM; what the source has if not given"),
        option("--no-deploy", action="store_true", help="stop after the package"),
        option("--no-release", action="store_true", help="stop after the gate"),
    )),
    Command("replay", "lifecycle.loop.replay:main", "Play real months through the service", (
        option("months", help="YYYY-MM or YYYY-MM..YYYY-MM"),
        option("--speed", default="full", help="requests a second, or full"),
    )),
)  # fmt: skip
