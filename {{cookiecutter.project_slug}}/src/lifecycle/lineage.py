"""Lineage prints what a registered version was made of, and checks every hash of the chain."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from lifecycle import git, registry, tracking
from lifecycle.command import StageError, project_root, run
from lifecycle.files import md5
from lifecycle.params import Params, load_params
from lifecycle.register import TRACKED
from lifecycle.registry import Version

Line = tuple[str, str, str]


def tracked_files(root: Path, version: Version) -> list[Line]:
    """Compare each file of the version's commit with its tag, and with the one that is here."""
    found = []
    for tag, path in TRACKED.items():
        content = git.content(root, version.tags["git_commit"], path)
        wanted = version.tags[tag]
        if content is None:
            found.append((path, wanted, "MISSING in the commit"))
        elif hashlib.md5(content, usedforsecurity=False).hexdigest() != wanted:
            found.append((path, wanted, "CHANGED: the commit holds another content"))
        elif not (root / path).is_file() or md5(root / path) != wanted:
            found.append((path, wanted, "CHANGED here since that version"))
        else:
            found.append((path, wanted, "same"))
    return found


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
    """Check that the run exists and still holds the verdict that let the version through."""
    kept = tracking.release_verdict(root, version.run_id)
    if kept is None:
        return [("MLflow run", version.run_id, "MISSING")]
    verdict = "same" if kept == version.tags["gate_md5"] else "CHANGED in the run"
    return [
        ("MLflow run", version.run_id, "same"),
        (f"gate verdict: {version.tags['gate_verdict']}", version.tags["gate_md5"], verdict),
    ]


def chain(root: Path, version: Version, params: Params) -> list[Line]:
    """Return every link of a version's lineage with its state."""
    commit = version.tags["git_commit"]
    state = "same" if git.has_commit(root, commit) else "MISSING: fetch the repository's history"
    return [
        ("git commit", commit, state),
        *tracked_files(root, version),
        *data_files(root, version, params),
        *run_and_verdict(root, version),
    ]


def main() -> None:
    """Print the lineage of a version (the champion's by default); a break in it is an error."""
    parser = argparse.ArgumentParser(description="Print and check the lineage of a version.")
    parser.add_argument("version", nargs="?", type=int, help="a number; the champion by default")
    number = parser.parse_args().version
    root, params = project_root(), load_params()
    versions = registry.connect(root, params)
    version = versions.by_alias("champion") if number is None else versions.get(number)
    if version is None:
        raise StageError("there is no champion yet: run `make lifecycle`")
    lines = chain(root, version, params)
    print(f"{versions.name} version {version.number}, window {version.tags['window']}")
    for name, value, state in lines:
        print(f"  {name:34} {value:42} {state}")
    broken = [name for name, _, state in lines if state != "same"]
    if broken:
        raise StageError(
            f"{len(broken)} of {len(lines)} links differ: {', '.join(broken)} "
            f"(its files: git checkout {version.tags['git_commit'][:12]} && make pipeline)"
        )
    print(f"lineage: {len(lines)} links hold")


if __name__ == "__main__":
    run("lineage", main)
