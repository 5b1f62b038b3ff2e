"""How the report begins: in a sentence what is live and how it does, and what to type."""

from __future__ import annotations

from typing import Any

from lifecycle.records.facts import Facts


def headline(facts: Facts) -> tuple[str, str]:
    """Return the page's first sentence, and its mark."""
    place = facts.leading
    if place is None or place.state.live is None:
        return "Nothing is live.", ""
    found = facts.health(place)
    return f"Version {place.state.live.version} is live in {place.name}: {found.words}.", found.mark


def values(facts: Facts) -> dict[str, Any]:
    """Return what the template of the verdict tells, with which the page begins."""
    said, mark = headline(facts)
    place = facts.leading
    live = place.state.live if place else None
    return {
        "said": said, "mark": mark, "place": place,
        "health": facts.health(place) if place else None,
        "version": facts.version(live.version) if live else None,
        "todo": next(filter(None, (one.todo(facts) for one in facts.sections)), ""),
        "titles": {one.anchor: one.title for one in facts.sections},
        "others": [(one.state.live.version, one.name, facts.health(one).words)
                   for one in facts.places if one.state.live and one is not place],
    }  # fmt: skip
