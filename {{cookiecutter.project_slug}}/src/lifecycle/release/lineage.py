"""Lineage prints what a registered version was made of, and checks every hash of the chain."""

from __future__ import annotations

import argparse
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, md5_of, parse_strict
from lifecycle.core import git
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.core.terminal import table
from lifecycle.records import definition, kept_verdicts, proof, registry, verdict
from lifecycle.records.registry import TRACKED, Version

Line = tuple[str, str, str]


def tracked_files(root: Path, version: Version) -> list[Line]:
    """Compare each file of the version's commit with its tag, and with the one that is here.

    All that decides a score is one link, and the first of it that differs is named.
    """
    tags, commit = version.tags, version.tags["git_commit"]
    found = [(path, tags[tag], file_state(root, commit, path, tags[tag]))
             for tag, path in TRACKED.items()]  # fmt: skip
    if files := definition.read(tags):
        states = ((path, file_state(root, commit, path, one)) for path, one in files.items())
        others = (f"{state} ({path})" for path, state in states if state != "same")
        found.append((definition.FILES, tags[definition.HASH], next(others, "same")))
    return found


def file_state(root: Path, commit: str, path: str, wanted: str) -> str:
    """Say whether a file has the MD5 `wanted` at a commit, and here."""
    held = _holds(root, commit, path, wanted)
    if held is None:
        return "MISSING in the commit"
    if not held:
        return "CHANGED: the commit holds another content"
    if not (root / path).is_file() or md5(root / path) != wanted:
        return "CHANGED here since that version"
    return "same"


def _holds(root: Path, commit: str, path: str, wanted: str) -> bool | None:
    """Return whether a commit has a file with the MD5 `wanted`; None where it has no such file."""
    content = registry.at_commit(root, commit, path)
    if content is None:
        return None
    return md5_of(content) == wanted


def data_files(root: Path, version: Version, params: Params) -> list[Line]:
    """Compare the data, the model and the verdict in the workspace with the version's tags."""
    paths = params.paths
    files = {
        "data_md5": paths.snapshot, "train_md5": paths.train, "holdout_md5": paths.holdout,
        "model_md5": paths.model, "evaluation_md5": paths.evaluation_report,
    }  # fmt: skip
    found = []
    for tag, path in files.items():
        wanted = version.tags[tag]
        if not (root / path).is_file():
            found.append((str(path), wanted, "MISSING here: `dvc pull` at that commit brings it"))
        else:
            state = "same" if md5(root / path) == wanted else "CHANGED here since that version"
            found.append((str(path), wanted, state))
    return found


def run_and_verdict(root: Path, version: Version) -> list[Line]:
    """Check that the run exists, and that the verdict kept with it let the version through."""
    kept = kept_verdicts.verdict_content(root, version.run_id, version.tags["gate_md5"])
    if kept is None:
        return [("MLflow run", version.run_id, "MISSING")]
    tag = verdict.short(version.tags["gate_verdict"])
    return [
        ("MLflow run", version.run_id, "same"),
        (f"gate verdict: {tag}", version.tags["gate_md5"], verdict_state(root, version, kept)),
    ]


def verdict_state(root: Path, version: Version, kept: bytes) -> str:
    """Say whether the verdict that was kept is the one of the tags, a pass, and about them."""
    if md5_of(kept) != version.tags["gate_md5"]:
        return "CHANGED in the run"
    if version.tags["gate_verdict"] != verdict.PASS:
        return "REFUSED: the gate did not let it through"
    try:
        fault = proof.verdict_fault(root, version, parse_strict(kept))
    except ValueError as error:
        fault = verdict.short(error)
    return f"DOES NOT HOLD: {fault}" if fault else "same"


def tracked_at_commit(root: Path, version: Version) -> list[str]:
    """Return which tags name files that the version's commit has otherwise, or lacks."""
    tags, commit = version.tags, version.tags["git_commit"]
    files = [(tag, path, tags[tag]) for tag, path in TRACKED.items()]
    files += [(definition.HASH, *one) for one in definition.read(tags).items()]
    others = (tag for tag, path, wanted in files if not _holds(root, commit, path, wanted))
    return list(dict.fromkeys(others))


def others_at_commit(root: Path, version: Version) -> list[str]:
    """Return which tags name something else than the version's commit has, which is here."""
    tags, commit = version.tags, version.tags["git_commit"]
    others = tracked_at_commit(root, version)
    lock = (git.content(root, commit, TRACKED["dvc_lock_md5"]) or b"").decode(errors="replace")
    lines = {line.strip() for line in lock.splitlines()}
    others += [tag for tag in proof.DATA if f"md5: {tags[tag]}" not in lines]
    if found := proof.settings(root, version):
        params = found[0]
        said = {"window": params.data.span,
                "threshold": repr(params.evaluate.threshold)}  # fmt: skip
        others += [tag for tag, value in said.items() if tags.get(tag, value) != value]
    return others


def chain(root: Path, version: Version, params: Params) -> list[Line]:
    """Return every link of a version's lineage with its state.

    Raises:
        StageError: the version was not made by `register`: it leads back to nothing.
    """
    lacking = [tag for tag in proof.NEEDED if tag not in version.tags]
    if lacking:
        raise StageError(
            f"version {version.number} leads back to nothing, it has no {', '.join(lacking[:5])}"
            f"{' and more' if len(lacking) > 5 else ''}: `make release` made it not"
        )
    commit = version.tags["git_commit"]
    state = "same" if git.has_commit(root, commit) else "MISSING: fetch the repository's history"
    return [
        ("git commit", commit, state),
        *tracked_files(root, version),
        *data_files(root, version, params),
        *run_and_verdict(root, version),
    ]


def main(given: argparse.Namespace) -> None:
    """Print the lineage of a version (the champion's by default); a break in it is an error."""
    root, params, number = project_root(), load_params(), given.version
    versions = registry.connect(root, params)
    version = versions.by_alias("champion") if number is None else versions.get(number)
    if version is None:
        raise StageError("there is no champion yet", "run `make lifecycle`")
    lines = chain(root, version, params)
    print(f"{versions.name} version {version.number}, window {version.tags['window']}")
    print(table(["link", "value", "state"], lines))
    broken = [name for name, _, state in lines if state != "same"]
    if broken:
        raise StageError(
            f"{len(broken)} of {len(lines)} links differ: {', '.join(broken)} "
            f"(its files: git checkout {version.tags['git_commit'][:12]} && make pipeline)"
        )
    print(f"lineage: {len(lines)} links hold")
