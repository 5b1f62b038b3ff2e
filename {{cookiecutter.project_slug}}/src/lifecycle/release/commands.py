"""The commands that take an evaluated model to a packaged version."""

from __future__ import annotations

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("gate", "lifecycle.release.gate:main",
            "Judge the model against every rule and the champion", is_long=True),
    Command("register", "lifecycle.release.register:main", "Register what passed the gate",
            is_long=True),
    Command("package", "lifecycle.release.package:main", "Build the champion's Bento",
            is_long=True),
    Command("base", "lifecycle.release.base:main", "Have the model of BASE=commit"),
    Command("lineage", "lifecycle.release.lineage:main",
            "What a version was made of, every hash checked", (
        option("version", nargs="?", type=int, help="a number; the champion by default"),
    ), is_long=True),
)  # fmt: skip
