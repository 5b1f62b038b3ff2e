"""The commands between machines, and on GitHub."""

from __future__ import annotations

from pathlib import Path

from lifecycle.core.command import Command, option

BUNDLE = option("bundle", type=Path, help="the file that bundle packed")
COMMANDS = (
    Command("compare", "lifecycle.delivery.compare:main",
            "Report this change against BASE=commit: reports/compare.md, with plots", is_long=True),
    Command("comment", "lifecycle.delivery.github:comment_report",
            "Write a report as the one comment of PULL_REQUEST=n, or update it (gh)", (
        option("report", type=Path, help="a file of Markdown"),
    )),
    Command("propose", "lifecycle.delivery.github:propose_retrained",
            "Open or update the one pull request with what was retrained (gh)", (
        option("folder", type=Path, help="the folder with what was retrained"),
    )),
    Command("issue", "lifecycle.delivery.issue:main", "Open or update the one GitHub issue (gh)", (
        option("about", help="monitor or upstream"),
    )),
    Command("bundle", "lifecycle.delivery.bundle:main",
            "Gate, register, package, and pack it all into dist/ for another machine",
            is_long=True),
    Command("checksum", "lifecycle.delivery.checksum:main",
            "Check by BUNDLE_SHA256=hash that a bundle is what was built", (BUNDLE,)),
    Command("receive", "lifecycle.delivery.bundle:take_in", "Take a bundle in", (BUNDLE,)),
    Command("publish", "lifecycle.delivery.publish:main",
            "Tag what was delivered, and write its GitHub release with notes (gh)"),
    Command("protect", "lifecycle.delivery.protect:main",
            "Install the rulesets and environments of this repository on GitHub (gh)"),
    Command("upstream", "lifecycle.delivery.upstream:main",
            "Try the newest versions that the ranges allow, in a copy"),
    Command("image-sbom", "lifecycle.delivery.image_sbom:main",
            "Write the bill of materials of the image from its inventory on standard input", (
        option("target", type=Path, help="a .cdx.json file"),
    )),
)  # fmt: skip
