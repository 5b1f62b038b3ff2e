"""The command that makes the lifecycle a loop."""

from __future__ import annotations

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("retrain", "lifecycle.loop.retrain:main",
            "Move the data window, run pipeline, gate and rollout", (
        option("--end", help="the newest month, YYYY-MM; what the source has if not given"),
        option("--no-deploy", action="store_true", help="stop after the package"),
        option("--no-release", action="store_true", help="stop after the gate"),
    )),
)  # fmt: skip
