"""What a report is about, of which every part of the lifecycle tells its own: see `Section`.

Nothing is changed by looking. What is not there is left empty; what cannot be read is noted, and
the rest is still told.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.core import environment
from lifecycle.core.params import Params
from lifecycle.records import registry, store, tracking
from lifecycle.records.deployment import Deployment, State
from lifecycle.records.registry import Version

# A name and a password in an address.
SECRET = re.compile(r"(?<=://)[^/@\s]*@")
# What matters most comes first.
ORDER = environment.ENVIRONMENTS[::-1]


@dataclass
class Place:
    """One environment: what it should serve, whether that runs, when it last logged a request."""

    name: str
    state: State = field(default_factory=State)
    runs: bool = False
    logged: str | None = None

    @property
    def setting(self) -> str:
        """What is typed after a target of make, to mean this environment."""
        return "" if self.name == "development" else f" ENV={self.name}"


@dataclass
class Facts:
    """Everything that a report tells; `told` is what each section has gathered, by its anchor."""

    root: Path
    params: Params
    places: list[Place] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    told: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def version(self, number: int | None) -> Version | None:
        """Return a registered version by its number."""
        return next((one for one in self.versions if one.number == number), None)

    def which(self, model_md5: str | None) -> str:
        """Say which model a report is about."""
        for one in self.versions:
            if one.tags.get("model_md5") == model_md5:
                return f"version {one.number}"
        return f"the model `{(model_md5 or 'unknown')[:12]}`, which is not registered"

    @property
    def leading(self) -> Place | None:
        """The most important environment in which a version is live."""
        return next((place for place in self.places if place.state.live), None)

    def health(self, place: Place) -> Health:
        """Return how an environment does, as the first part says that knows it."""
        found = (one.health(self, place) for one in self.sections)
        return next((one for one in found if one), Health("", "how it does, nobody has judged"))

    def read(self, path: Path, keys: tuple[str, ...] = ()) -> Any:
        """Return what a report holds, None where there is none or where it lacks one of `keys`."""
        if not (self.root / path).is_file():
            return None
        try:
            found = read_json(self.root / path)
        except StageError:
            self.notes.append(f"{path} is no valid JSON: it is left out")
            return None
        lacking = [key for key in keys if not isinstance(found, dict) or key not in found]
        if lacking:
            self.notes.append(f"{path} has no {', '.join(lacking)}: it is left out")
            return None
        return found

    def ask(self, question: Callable[[], None]) -> None:
        """Let the registry be asked, and note why it cannot be; no store is made for it."""
        if store.is_local(self.root) and not (self.root / "mlflow.db").is_file():
            return
        # A server that is away is said to be so in seconds, not in minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        try:
            mlflow = tracking.connect(self.root)
        except (sqlite3.Error, OSError, StageError) as error:
            self.notes.append(f"the registry cannot be read: {error}")
            return
        from sqlalchemy.exc import SQLAlchemyError

        try:
            question()
        except (mlflow.exceptions.MlflowException, SQLAlchemyError, StageError) as error:
            reason = SECRET.sub("", (str(error).splitlines() or ["no message"])[0])
            self.notes.append(f"the registry cannot be read: {reason}")


@dataclass(frozen=True)
class Health:
    """How an environment does: `good`, `bad`, `open` (not known); in words; what to type.

    `section` is the anchor of the section that says what to do about it.
    """

    mark: str
    words: str
    todo: str = ""
    section: str = ""


@dataclass(frozen=True)
class Link:
    """A page that another tool or command has written."""

    name: str
    path: Path
    what: str
    # Whether it asks the network for a script.
    fetches: bool = False


@dataclass(frozen=True)
class Section:
    """What a part adds to the report: its module `report_section` has them as SECTIONS."""

    order: int
    anchor: str
    title: str
    # Its template, which gets `facts` and what `values` returns.
    template: str
    values: Callable[[Facts], dict[str, Any]] = lambda _: {}
    # What it reads, before anything is told: `facts.told[anchor]`.
    gather: Callable[[Facts], Any] = lambda _: None
    # How an environment does, where this part knows.
    health: Callable[[Facts, Place], Health | None] = lambda _, __: None
    # The template of what it adds to the card of an environment: gets `facts` and `place`.
    card: str = ""
    # What is to be typed where nothing is live, if it is this part's turn.
    todo: Callable[[Facts], str] = lambda _: ""
    links: Callable[[Facts], list[Link]] = lambda _: []


def gather(root: Path, params: Params, sections: Sequence[Section]) -> Facts:
    """Return what there is to tell of the project in `root`: its records, then each section's."""
    facts = Facts(root, params, sections=sections)
    for name in ORDER:
        deployment = Deployment(root, name)
        place = Place(name, logged=_last_logged(deployment.folder / "predictions"))
        try:
            place.state = deployment.load()
        except (StageError, TypeError, KeyError, AttributeError):
            facts.notes.append(
                f".lifecycle/{name}/deployment.json cannot be read: "
                f"what {name} serves is not known; run `make deploy ENV={name}`"
            )
        facts.places.append(place)

    def ask() -> None:
        versions = registry.connect(root, params)
        facts.versions, facts.aliases = versions.all(), versions.aliases()

    facts.ask(ask)
    for section in sections:
        facts.told[section.anchor] = section.gather(facts)
    return facts


def _last_logged(folder: Path) -> str | None:
    files = [one.stat() for one in folder.glob("*") if one.is_file()]
    written = [one.st_mtime for one in files if one.st_size]
    if not written:
        return None
    return datetime.fromtimestamp(max(written), UTC).isoformat(timespec="seconds")
