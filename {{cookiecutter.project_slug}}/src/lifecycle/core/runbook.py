"""The project's runbook: what to do about what a command, an alert or a page says."""

from __future__ import annotations

RUNBOOK = "docs/operations.md"


def see(heading: str) -> str:
    """Return where a heading of the runbook is, as a link that GitHub and an editor know."""
    return f"{RUNBOOK}#{heading.lower().replace(' ', '-')}"
