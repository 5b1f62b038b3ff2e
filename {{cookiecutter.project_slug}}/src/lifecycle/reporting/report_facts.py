"""What the report is about: every environment's state, the audit logs, the registry, the reports.

Nothing is changed by looking. What is not there is left empty; what cannot be read is noted, and
the rest is still told.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.core import environment
from lifecycle.core.params import Params
from lifecycle.records import kept_verdicts, registry, store, tracking
from lifecycle.records.deployment import Deployment, State
from lifecycle.records.registry import Version
from lifecycle.rollout.machine import PROXIES, PROXY
from lifecycle.rollout.supervisor import Supervisor

MONITOR_KEYS = ("environment", "version", "verdict", "reason", "judged_at")
# A name and a password in an address.
SECRET = re.compile(r"(?<=://)[^/@\s]*@")
# What matters most comes first.
ORDER = environment.ENVIRONMENTS[::-1]


@dataclass
class Place:
    """One environment: what it should serve, whether that runs, and what was logged and judged."""

    name: str
    state: State = field(default_factory=State)
    runs: bool = False
    # When a prediction was last written down.
    logged: str | None = None
    monitor: dict[str, Any] | None = None


@dataclass
class Facts:
    """Everything that the page tells."""

    root: Path
    params: Params
    places: list[Place] = field(default_factory=list)
    audit: list[dict[str, Any]] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)
    evaluation: dict[str, Any] | None = None
    roc: list[dict[str, float]] | None = None
    gate: dict[str, Any] | None = None
    # The verdict that let the live version through, where reports/gate.json is about another model.
    released: dict[str, Any] | None = None
    replay: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    def version(self, number: int | None) -> Version | None:
        """Return a registered version by its number."""
        return next((one for one in self.versions if one.number == number), None)

    def version_of(self, model_md5: str | None) -> Version | None:
        """Return the registered version that holds a model."""
        return next((v for v in self.versions if v.tags.get("model_md5") == model_md5), None)

    @property
    def leading(self) -> Place | None:
        """The most important environment in which a version is live."""
        return next((place for place in self.places if place.state.live), None)


def gather(root: Path, params: Params) -> Facts:
    """Return everything that is to be told about the project in `root`."""
    facts = Facts(root, params)
    monitor = _read(facts, params.paths.monitor_report, MONITOR_KEYS)
    for name in ORDER:
        place = _place(facts, name)
        if monitor and monitor.get("environment") == name:
            place.monitor = monitor
        facts.places.append(place)
        facts.audit += _audit(facts, name)
    facts.audit.sort(key=lambda line: str(line.get("time", "")), reverse=True)
    facts.evaluation = _read(facts, params.paths.evaluation_report)
    facts.roc = _read(facts, params.paths.plots / "roc.json")
    facts.gate = _read(facts, params.paths.gate_report)
    facts.replay = _read(facts, params.paths.replay_report)
    _registry(facts)
    return facts


def _read(facts: Facts, path: Path, keys: tuple[str, ...] = ()) -> Any:
    """Return what a report holds, None where there is none or where it lacks one of `keys`."""
    if not (facts.root / path).is_file():
        return None
    try:
        found = read_json(facts.root / path)
    except StageError:
        facts.notes.append(f"{path} is no valid JSON: it is left out")
        return None
    lacking = [key for key in keys if not isinstance(found, dict) or key not in found]
    if lacking:
        facts.notes.append(f"{path} has no {', '.join(lacking)}: it is left out")
        return None
    return found


def _place(facts: Facts, name: str) -> Place:
    deployment = Deployment(facts.root, name)
    place = Place(name, logged=_last_logged(deployment.folder / "predictions"))
    try:
        place.state = deployment.load()
    except (StageError, TypeError, KeyError, AttributeError):
        facts.notes.append(
            f".lifecycle/{name}/deployment.json cannot be read: "
            f"what {name} serves is not known; run `make deploy ENV={name}`"
        )
    place.runs = _runs(facts.root, deployment, place.state)
    return place


def _runs(root: Path, deployment: Deployment, state: State) -> bool:
    """Say whether proxy and live version have a process now."""
    sockets = environment.known_sockets(root, deployment.name)
    if state.live is None or sockets is None:
        return False
    supervisor = Supervisor(deployment.folder, sockets)
    if not supervisor.runs():
        return False
    proxy = any(supervisor.process(PROXY, number)["pid"] for number in range(PROXIES))
    return proxy and bool(supervisor.process(state.live.program)["pid"])


def _last_logged(folder: Path) -> str | None:
    files = [one.stat() for one in folder.glob("*") if one.is_file()]
    written = [one.st_mtime for one in files if one.st_size]
    if not written:
        return None
    return datetime.fromtimestamp(max(written), UTC).isoformat(timespec="seconds")


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


def _registry(facts: Facts) -> None:
    """Read versions, aliases and the live version's verdict; an empty project gets no store."""
    if store.is_local(facts.root) and not (facts.root / "mlflow.db").is_file():
        return
    # A server that is away is said to be so in seconds, not in minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        mlflow = tracking.connect(facts.root)
    except (sqlite3.Error, OSError, StageError) as error:
        facts.notes.append(f"the registry cannot be read: {error}")
        return
    from sqlalchemy.exc import SQLAlchemyError

    try:
        _ask_registry(facts)
    except (mlflow.exceptions.MlflowException, SQLAlchemyError, StageError) as error:
        reason = SECRET.sub("", (str(error).splitlines() or ["no message"])[0])
        facts.notes.append(f"the registry cannot be read: {reason}")


def _ask_registry(facts: Facts) -> None:
    versions = registry.connect(facts.root, facts.params)
    facts.versions, facts.aliases = versions.all(), versions.aliases()
    live = facts.leading.state.live if facts.leading else None
    version = facts.version(live.version if live else facts.aliases.get("champion"))
    if version:
        facts.released = kept_verdicts.kept_verdict(
            facts.root, version.run_id, version.tags.get("gate_md5", "")
        )
