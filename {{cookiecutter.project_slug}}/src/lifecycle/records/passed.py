"""Which registered version should serve, and whether the gate let it through.

An alias and a tag are changed with one click, and a version is made by hand: before anything is
made of one, its tags and the verdict that let it through have to say that it passed. The verdict is
kept with its run; of a version whose run is on another machine, with the bundle that brought it, or
its release is in git's history.
"""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5_of, parse_strict
from lifecycle.records import (
    definition,
    history,
    kept_verdicts,
    proof,
    received,
    registry,
    verdict,
)

# The first of those that are missing are named.
NEEDED = tuple(dict.fromkeys(("model_md5", "git_commit", "gate_md5", *proof.NEEDED)))
# Tags that a version may lack, from which something is computed.
USED = (
    *NEEDED,
    "threshold",
    "tolerance",
    "difference",
    "train_last",
    definition.HASH,
    definition.FILES,
)


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
    raise StageError("no version is registered", "run `make release`")


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
        more = " and more" if len(lacking) > 5 else ""
        return f"it leads back to nothing (it has no tag {', '.join(lacking[:5])}{more})"
    if not version.run_id:
        return _of_elsewhere(root, version)
    found = _of_run(root, version)
    # A number that was never released here may have become that of a release: the run is another's.
    return found and _of_elsewhere(root, version) and found


def _of_run(root: Path, version: registry.Version) -> str | None:
    """Ask the verdict that is kept with the version's run."""
    wanted_md5 = version.tags["gate_md5"]
    kept = kept_verdicts.verdict_content(root, version.run_id, wanted_md5)
    if kept is None:
        return "no verdict is kept with its run"
    if md5_of(kept) != wanted_md5:
        return "the verdict that is kept with its run is another than its tags name"
    try:
        fault = proof.verdict_fault(root, version, parse_strict(kept))
    except ValueError as error:
        return f"its verdict cannot be read ({verdict.short(error)})"
    return fault and fault.replace("it is", "its verdict is", 1)


def _of_elsewhere(root: Path, version: registry.Version) -> str | None:
    """Ask the release that git's history has of it, else the verdict that came with its bundle."""
    tags = version.tags
    kept, release = received.kept(root, version.number), None
    unknown = f"git has no release model-{version.number}"
    try:
        release = history.find(root, version.number)
    except StageError as error:
        # A host that only receives may be no clone.
        unknown = f"its release is not to be found ({verdict.short(error)})"
    others = [differing(tags, one.lineage) for one in (release, kept) if one is not None]
    if not others:
        return f"nothing proves that it passed: it has no run, {unknown}, and no bundle brought it"
    if all(others):
        return f"it has another {', '.join(others[0][:5])} than what was released or received"
    if release is not None and not others[0]:
        return None
    assert kept is not None
    fault = proof.verdict_fault(root, version, kept.gate)
    return fault and fault.replace("it is", "its verdict is", 1)


def differing(tags: dict[str, str], known: dict[str, str]) -> list[str]:
    """Return which tags are others than those of a version that is known to have passed."""
    return [key for key in dict.fromkeys((*known, *USED)) if tags.get(key) != known.get(key)]
