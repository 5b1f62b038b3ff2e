"""What a bundle says of its version: whole, of one piece, and that it passed.

Which rules are asked for is decided here, never by whoever wrote the bundle: those of the version's
commit where that is here, and then all else is what that commit has; else those of this project.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import json_text, md5_of, parse_strict
from lifecycle.contract.section import Section, first_mistake
from lifecycle.core import git
from lifecycle.core.window import ALL
from lifecycle.records import bento, proof, tag_forms, verdict
from lifecycle.records.registry import Version
from lifecycle.records.unpack import FACTS, BundleError
from lifecycle.release import lineage

NEEDED = (*proof.NEEDED, "train_last", "threshold")
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Facts(Section, strict=True):
    """What version.json says of a version."""

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


def read_facts(path: Path) -> Facts:
    """Read version.json.

    Raises:
        BundleError: the first mistake in it.
    """
    try:
        return Facts.model_validate(parse_strict(path.read_bytes()))
    except ValidationError as error:
        raise BundleError(f"{FACTS}: {first_mistake(error)}") from None


def lacking(tags: dict[str, str]) -> list[str]:
    """Return which tags are missing; data without time has no last moment."""
    timeless = {"train_last"} if tags.get("window") == ALL else set()
    return [tag for tag in NEEDED if tag not in {*tags, *timeless}]


def require_lineage(root: Path, facts: Facts) -> None:
    """Let through only a version whose tags lead back to all that it was made of, and that passed.

    Raises:
        BundleError: what is missing or does not belong together.
    """
    tags = facts.lineage
    version = Version(facts.version, tags, "")
    if missing := lacking(tags):
        raise BundleError(f"its lineage has no {missing[0]}")
    if mistake := tag_forms.mistake(tags):
        raise BundleError(f"its lineage has {mistake}")
    if tags["gate_verdict"] != verdict.PASS:
        raise BundleError("the gate did not pass its version")
    is_known = git.has_commit(root, tags["git_commit"])
    if is_known and (others := lineage.others_at_commit(root, version)):
        raise BundleError(f"its commit has another {others[0]} than its lineage names")
    _require_verdict(root, facts, version, is_known)
    if facts.metrics != tag_forms.metrics(tags):
        raise BundleError("its metrics are not those of its lineage")


def _require_verdict(root: Path, facts: Facts, version: Version, is_known: bool) -> None:
    """Let through only the verdict that the lineage names, with every rule that is asked for.

    Raises:
        BundleError: it is another, or does not hold.
    """
    by, settings = "", proof.settings(root, version)
    try:
        report = verdict.passed(facts.gate)
        if not is_known:
            by = (" by this project's own params.yaml, as commit "
                  f"{version.tags['git_commit'][:12]} is not here: `git fetch`")  # fmt: skip
        required = verdict.required_rules(*settings, report.against) if settings else None
        verdict.passed(facts.gate, required)
    except StageError as error:
        raise BundleError(error.reason + by) from None
    wanted = [f"metric.{name}" for name in (settings[0].gate.metrics if settings else ())]
    unnamed = [tag for tag in wanted if tag not in version.tags]
    if unnamed:
        raise BundleError(f"its lineage has no {unnamed[0]}")
    others = verdict.differing(facts.gate, verdict.contents(version.tags, facts.gate))
    if others:
        raise BundleError(f"its verdict is about another {others[0]} than its lineage")
    text = json_text(facts.gate).encode()
    if md5_of(text) != version.tags["gate_md5"]:
        raise BundleError("its verdict is another than its lineage names")
