"""The commands that targets and workflows use beside those of the lifecycle."""

from __future__ import annotations

import argparse

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("hook", "lifecycle.core.hook:main", "Install the hook that checks each commit"),
    Command("cloud", "lifecycle.core.cloud:main",
            "Sign a workflow in to the cloud of the DVC remote, without a key (OpenID Connect)", (
        option("--renew", action="store_true", help="only where this job has signed in"),
    )),
    Command("project-name", "lifecycle.core.project_name:main", "Print the project's name"),
    Command("outputs", "lifecycle.core.outputs:main",
            "Hand an image's reference, from standard input, to the next steps of a workflow"),
    Command("package-index", "lifecycle.core.package_index:main",
            "Run a command that finds packages where pip finds them", (
        option("command", nargs=argparse.REMAINDER, help="for instance uv pip install ..."),
    )),
)  # fmt: skip
