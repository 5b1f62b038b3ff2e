"""What the report tells of the last replay."""

from __future__ import annotations

from typing import Any

from lifecycle.loop.replay import page
from lifecycle.records.facts import Facts, Link, Section


def _gather(facts: Facts) -> Any:
    return facts.read(facts.params.paths.replay_report)


def _values(facts: Facts) -> dict[str, Any]:
    found = facts.told["replay"]
    return {"told": None if found is None else page.told(found)}


def _links(facts: Facts) -> list[Link]:
    path = facts.params.paths.replay_report.with_suffix(".html")
    return [Link("Replay", path, "real months played through")]


SECTIONS = (
    Section(70, "replay", "Replay", "loop/replay/templates/section.html",
            gather=_gather, values=_values, links=_links),
)  # fmt: skip
