"""The command that takes a bundle to the service of this machine."""

from __future__ import annotations

from lifecycle.core.command import Command, option
from lifecycle.delivery.commands import BUNDLE

COMMANDS = (
    Command("deliver", "lifecycle.delivery.hosts.deliver:main",
            "Receive a bundle, deploy, verify; roll back if that is bad", (
        BUNDLE, option("--rehearse", action="store_true", help="and undo it all"),
    )),
)  # fmt: skip
