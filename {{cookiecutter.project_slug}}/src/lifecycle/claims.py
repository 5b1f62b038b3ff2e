"""What a bundle says of itself: it must be whole, of one piece, and of a version that passed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifecycle import bento, expected, lineage, seal, verdict
from lifecycle.command import StageError
from lifecycle.files import parse_strict
from lifecycle.registry import Version
from lifecycle.section import first_mistake
from lifecycle.unpack import FACTS, BundleError

KEY, VALUE = re.compile(r"[a-z][A-Za-z0-9_.]{0,99}"), re.compile(r"[ -~]{1,100000}")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HASH = re.compile(r"[0-9a-f]{32}")
# What else a tag must look like, since something is computed from it.
FORMS = {
    "git_commit": COMMIT,
    "threshold": re.compile(r"[01](\.[0-9]{1,20})?|[0-9](\.[0-9]+)?e-[0-9]{1,2}"),
}


Finite = Annotated[float, Field(allow_inf_nan=False)]


class Facts(BaseModel):
    """What version.json says of a version."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    version: int = Field(ge=1, le=10**9 - 1)
    tag: str
    lineage: dict[str, str]
    metrics: dict[str, Finite]
    gate: dict[str, Any]

    @property
    def released(self) -> bento.Released:
        """The Bento, and the version in it."""
        return bento.Released(self.tag, self.version)


class Figure(BaseModel):
    """A mean and its standard error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mean: Finite
    error: Annotated[float, Field(ge=0, le=1)]


class Difference(BaseModel):
    """How a model differs from the champion, as the gate writes it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    champion: dict[str, Any]
    challenger: dict[str, Any]
    changed_decisions: Figure
    prediction_shift: Figure


def read_facts(path: Path) -> Facts:
    """Read version.json.

    Raises:
        BundleError: the first mistake in it.
    """
    try:
        return Facts.model_validate(parse_strict(path.read_bytes()))
    except ValidationError as error:
        raise BundleError(f"{FACTS}: {first_mistake(error)}") from None


def require_lineage(root: Path, facts: Facts) -> None:
    """Let through only a version whose tags lead back to all that it was made of, and that passed.

    Raises:
        BundleError: what is missing or does not belong together.
    """
    tags = facts.lineage
    lacking = [tag for tag in (*lineage.NEEDED, "train_last") if tag not in tags]
    if lacking:
        raise BundleError(f"its lineage has no {lacking[0]}")
    for key, value in tags.items():
        form = FORMS.get(key, HASH if key.endswith("_md5") else VALUE)
        if not KEY.fullmatch(key) or not form.fullmatch(value):
            raise BundleError(f"its lineage has a {key:.40} that none has")
    if tags["gate_verdict"] != verdict.PASS:
        raise BundleError("the gate did not pass its version")
    try:
        report = verdict.passed(facts.gate)
        required = lineage.required(root, Version(facts.version, tags, ""), report)
        verdict.passed(facts.gate, required)
    except StageError as error:
        raise BundleError(str(error).removesuffix(f": {verdict.AGAIN}")) from None
    others = verdict.differing(facts.gate, {key: tags[key] for key in verdict.CONTENTS})
    if others:
        raise BundleError(f"its verdict is about another {others[0]} than its lineage")


def require_bento(place: Path, facts: Facts) -> None:
    """Let through only the Bento that the version's tag and lineage name.

    Raises:
        BundleError: what differs.
    """
    if not bento.TAG.fullmatch(facts.tag):
        raise BundleError("its tag is no tag of a Bento, which is name:version-hash")
    if not facts.tag.startswith(f"{facts.name}:{facts.version}-"):
        raise BundleError("its tag is of another name or version")
    if not (place / "bento.yaml").is_file():
        raise BundleError("it holds no Bento")
    model = facts.lineage["model_md5"]
    try:
        found = seal.damage(place / "src", place) or seal.tag_damage(place, facts.tag, model)
    except FileNotFoundError as error:
        found = f"{Path(str(error.filename)).name} is missing"
    if found:
        raise BundleError(f"its Bento is not what was packaged: {found}")
    _require_difference(place / "src" / "release" / expected.FILE, facts.lineage.get("difference"))


def _require_difference(path: Path, measured: str | None) -> None:
    """Let through only the difference that the lineage names: a rollout expects that.

    Raises:
        BundleError: there is another, or none, or it is no difference.
    """
    kept = parse_strict(path.read_bytes()) if path.is_file() else None
    if kept != (None if measured is None else parse_strict(measured.encode())):
        raise BundleError(f"its {path.name} is not what its lineage names")
    if kept is not None:
        try:
            Difference.model_validate(kept)
        except ValidationError as error:
            raise BundleError(f"{path.name}: {first_mistake(error)}") from None
