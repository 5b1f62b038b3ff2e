"""Which registered version should serve, and whether the gate let it through.

An alias and a tag are changed with one click: before anything is made of a version, its tags and
the verdict that is kept with its run have to say that it passed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from lifecycle import registry, tracking, verdict
from lifecycle.command import StageError
from lifecycle.files import parse_strict

NEEDED = ("model_md5", "git_commit", "gate_md5")


def wanted(root: Path, versions: registry.Registry) -> registry.Version:
    """Return the version that should serve: the challenger, else the champion.

    Raises:
        StageError: nothing is registered, or the alias names what the gate did not let through.
    """
    for alias in ("challenger", "champion"):
        version = versions.by_alias(alias)
        if version is not None:
            require(root, version, f"the alias {alias} names it: in MLflow (`make ui`) remove that "
                    "alias, or point it to a version that passed")  # fmt: skip
            return version
    raise StageError("no version is registered: run `make release`")


def require(root: Path, version: registry.Version, advice: str) -> None:
    """Let through only a version that passed the gate.

    Raises:
        StageError: why it did not, with `advice`.
    """
    found = refusal(root, version)
    if found:
        raise StageError(f"version {version.number} does not serve: {found}; {advice}")


def refusal(root: Path, version: registry.Version) -> str | None:
    """Return why the gate's verdict on a version does not let it through; None where it does."""
    tags = version.tags
    said = tags.get("gate_verdict")
    if said != verdict.PASS:
        return (f"the gate did not pass it (its tag gate_verdict is "
                f"{verdict.short(said) if said else 'missing'})")  # fmt: skip
    lacking = [tag for tag in NEEDED if not tags.get(tag)]
    if lacking:
        return f"it leads back to nothing (it has no tag {', '.join(lacking)})"
    # What another machine released has no run here; its verdict came with its tags.
    if not version.run_id:
        return None
    kept = tracking.verdict_content(root, version.run_id)
    if kept is None:
        return "no verdict is kept with its run"
    if hashlib.md5(kept, usedforsecurity=False).hexdigest() != tags["gate_md5"]:
        return "the verdict that is kept with its run is another than its tags name"
    try:
        report = verdict.passed(parse_strict(kept))
    except (ValueError, StageError) as error:
        return verdict.short(error).removesuffix(f": {verdict.AGAIN}")
    return None if report.model_md5 == tags["model_md5"] else "its verdict is about another model"
