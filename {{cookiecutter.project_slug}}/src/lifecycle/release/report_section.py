"""What the report tells of releases: the verdicts of the gate, the versions of the registry."""

from __future__ import annotations

from typing import Any

from lifecycle.records import kept_verdicts
from lifecycle.records.expected import sentence
from lifecycle.records.facts import Facts, Section


def _verdicts(facts: Facts) -> dict[str, Any]:
    """Return the last verdict, and the one that let the live version through."""
    found = {"last": facts.read(facts.params.paths.gate_report), "released": None}
    live = facts.leading.state.live if facts.leading else None
    version = facts.version(live.version if live else facts.aliases.get("champion"))

    def ask() -> None:
        if version:
            md5 = version.tags.get("gate_md5", "")
            found["released"] = kept_verdicts.kept_verdict(facts.root, version.run_id, md5)

    if version:
        facts.ask(ask)
    return found


def _gate(facts: Facts) -> dict[str, Any]:
    last, released = (facts.told["gate"][name] for name in ("last", "released"))
    if last is not None and released is not None and released.get("rules") == last.get("rules"):
        released = None
    about = last.get("difference") if last is not None else None
    difference = f"{sentence(about, 'the champion')}." if about else ""
    return {"last": last, "released": released, "difference": difference}


def _todo(facts: Facts) -> str:
    if facts.versions:
        return ""
    return "A model was made and no version is registered: type `make release`."


SECTIONS = (
    Section(20, "gate", "Gate", "release/templates/gate.html", gather=_verdicts, values=_gate),
    Section(60, "versions", "Versions", "release/templates/versions.html", todo=_todo),
)
