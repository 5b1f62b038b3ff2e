"""What the report tells of rollouts: what runs where, and what the audit logs say."""

from __future__ import annotations

import json
from typing import Any

from lifecycle.core import environment
from lifecycle.records.deployment import Deployment
from lifecycle.records.facts import Facts, Health, Place, Section
from lifecycle.rollout.machine import PROXIES, PROXY
from lifecycle.rollout.supervisor import Supervisor

SHOWN = 50


def _see(facts: Facts) -> None:
    """See what runs now."""
    for place in facts.places:
        place.runs = _runs(Deployment(facts.root, place.name), place)


def _runs(deployment: Deployment, place: Place) -> bool:
    """Say whether proxy and live version have a process now."""
    sockets = environment.known_sockets(deployment.root, place.name)
    if place.state.live is None or sockets is None:
        return False
    supervisor = Supervisor(deployment.folder, sockets)
    if not supervisor.runs():
        return False
    proxy = any(supervisor.process(PROXY, number)["pid"] for number in range(PROXIES))
    return proxy and bool(supervisor.process(place.state.live.program)["pid"])


def _health(_: Facts, place: Place) -> Health | None:
    """Say what is wrong; how well it does what runs, is not known here."""
    if place.state.live is None:
        return Health("", "nothing is deployed", f"make deploy{place.setting}")
    if not place.runs:
        said = "it does not run, no request is answered"
        return Health("bad", said, f"make deploy{place.setting}")
    return None


def _todo(facts: Facts) -> str:
    if not facts.versions:
        return ""
    return "A version is registered and none is deployed: type `make deploy`."


def _gather(facts: Facts) -> list[dict[str, Any]]:
    """Return the audit logs of all environments, newest first."""
    found = [line for place in facts.places for line in _audit(facts, place.name)]
    return sorted(found, key=lambda line: str(line.get("time", "")), reverse=True)


def _audit(facts: Facts, name: str) -> list[dict[str, Any]]:
    """Return an environment's audit log, newest first; a line that a crash cut off is left out."""
    path = Deployment(facts.root, name).folder / "audit.jsonl"
    if not path.is_file():
        return []
    found, torn = [], 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            read = json.loads(line) if line.strip() else None
        except ValueError:
            read = "torn"
        if isinstance(read, dict):
            found.append({**read, "environment": name})
        elif read is not None:
            torn += 1
    if torn:
        lines = "1 line is" if torn == 1 else f"{torn} lines are"
        facts.notes.append(
            f"{lines} not whole in .lifecycle/{name}/audit.jsonl, as a crash leaves them: left out"
        )
    # Within a second only the order tells which came later.
    return found[::-1]


def _values(facts: Facts) -> dict[str, Any]:
    audit = facts.told["rollouts"]
    return {
        "done": [one for one in audit if one.get("action") != "step"],
        "steps": [one for one in audit if one.get("action") == "step"],
        "shown": SHOWN,
    }


SECTIONS = (
    Section(10, "environments", "Environments", "rollout/templates/environments.html",
            gather=_see, health=_health, todo=_todo, card="rollout/templates/card.html"),
    Section(50, "rollouts", "Rollouts and rollbacks", "rollout/templates/rollouts.html",
            gather=_gather, values=_values),
)  # fmt: skip
