"""Versions that were released, as tags of git: the registry where no shared one is configured.

A workflow's machine is empty at the start and gone at the end. What a release leaves in git is an
annotated tag `model-3` at the commit of version 3 whose message holds the version's lineage and the
hash of its bundle; from these tags every machine gets the same registry: the same numbers, and the
newest is the champion. Whoever may push can make a tag, so each has to show that it is a release.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5_of
from lifecycle.core import git, outputs
from lifecycle.core.command import project_root
from lifecycle.core.git_command import GitError
from lifecycle.core.params import Params, load_params
from lifecycle.records import registry, store

TAG = re.compile(r"model-([1-9]\d*)")
LOCK, BUNDLE = "dvc.lock", "bundle_sha256"


@dataclass(frozen=True)
class Release:
    """A version that was released: its number, its tags in the registry, its bundle's SHA-256."""

    number: int
    lineage: dict[str, str]
    bundle: str = ""

    @property
    def name(self) -> str:
        """The git tag."""
        return f"model-{self.number}"


def read(root: Path) -> tuple[list[Release], dict[str, str]]:
    """Return the released versions, the oldest first, and why each other tag is not believed."""
    found, doubts = [], {}
    for name in git.tags(root, "model-*"):
        if not (number := TAG.fullmatch(name)):
            continue
        try:
            found.append(_release(root, int(number[1]), name))
        except StageError as error:
            doubts[name] = str(error)
    return sorted(found, key=lambda release: release.number), doubts


def find(root: Path, number: int) -> Release | None:
    """Return the release of a version's number, or None where there is none to be believed.

    Raises:
        StageError: git could not look.
    """
    name = Release(number, {}).name
    try:
        return _release(root, number, name) if name in git.tags(root, name) else None
    except GitError:
        raise
    except StageError:
        return None


def released(root: Path) -> list[Release]:
    """Return every released version that the checked-out history has, and say which is doubtful."""
    found, doubts = read(root)
    for name, reason in doubts.items():
        print(f"history: the tag {name} is not believed: {reason}; whoever may can remove it by "
              f"`git push --delete origin {name}`")  # fmt: skip
    return found


def _release(root: Path, number: int, name: str) -> Release:
    """Return the release that a tag names.

    Raises:
        StageError: it is none; why.
    """
    _, _, text = git.message(root, name).partition("\n\n")
    try:
        lineage = json.loads(text)
        named = all(isinstance(lineage[key], str) for key in ("model_md5", "git_commit"))
    except (ValueError, KeyError, TypeError):
        named = False
    if not named or not all(isinstance(value, str) for value in lineage.values()):
        raise StageError("it holds no lineage, so somebody made it by hand")
    release = Release(number, lineage, lineage.pop(BUNDLE, ""))
    commit = git.commit_of(root, f"refs/tags/{name}")
    if commit is None or commit != lineage["git_commit"]:
        raise StageError("it stands at another commit than its record names")
    require_merged(root, commit)
    lock = git.content(root, commit, LOCK) or b""
    if md5_of(lock) != lineage.get("dvc_lock_md5"):
        raise StageError(f"{LOCK} of its commit is not the one that its record names")
    named_there = (line.strip() for line in lock.decode(errors="replace").splitlines())
    if f"md5: {lineage['model_md5']}" not in named_there:
        raise StageError(f"{LOCK} of its commit names another model than its record")
    return release


def require_merged(root: Path, commit: str) -> None:
    """Let through a commit of the default branch, or one that adds its lock to such a commit.

    Raises:
        StageError: it is neither: nobody has let its code in.
    """
    before = git.parents(root, commit)
    adds_lock = len(before) == 1 and git.files_of(root, commit) == [git.prefix(root) + LOCK]
    for branch in git.trusted(root):
        if any(git.is_ancestor(root, one, branch) for one in (commit, *before[:adds_lock])):
            return
    raise StageError(f"its commit {commit[:12]} is not on the default branch, nor one that adds "
                     f"{LOCK} alone to a commit there")  # fmt: skip


def restore(root: Path, params: Params) -> list[Release]:
    """Let a registry of this machine alone have every released version; return those.

    The newest is the champion where there is none. A shared registry is left as it is.
    """
    releases = released(root)
    if not store.is_local(root) or not releases:
        return releases
    versions = registry.connect(root, params)
    for release in releases:
        versions.adopt(release.number, release.lineage)
    if versions.by_alias("champion") is None:
        versions.set_alias("champion", releases[-1].number)
    return releases


def reserve(root: Path, params: Params) -> None:
    """Give the next version the number that RELEASE_NUMBER names, where no registry counts for all.

    Releases run at the same time, each with a registry of its own: counting by themselves, two
    would give one number to two models.

    Raises:
        StageError: it names no number.
    """
    number = os.environ.get("RELEASE_NUMBER", "")
    if not number or not store.is_local(root):
        return
    if not re.fullmatch(r"[1-9]\d{0,8}", number):
        raise StageError(f"RELEASE_NUMBER={number} is no number: leave it out to count on")
    registry.connect(root, params).reserve(int(number), root / "mlflow.db")


def require_free(root: Path, number: int) -> None:
    """Stop where a tag that is no release stands where version `number` will be tagged.

    Raises:
        StageError: so it is; why the tag is not believed.
    """
    name = Release(number, {}).name
    if reason := read(root)[1].get(name):
        raise StageError(f"the tag {name} is in the way of version {number}, and is no release: "
                         f"{reason}; remove it by `git push --delete origin {name}`")  # fmt: skip


def record(root: Path, version: registry.Version, name: str, bundle: str) -> str:
    """Tag the version's commit, so that every clone can restore it; return the tag.

    Raises:
        StageError: the tag is there already, for another model, or it would not be believed.
    """
    release = Release(version.number, version.tags, bundle)
    require_free(root, version.number)
    for one in read(root)[0]:
        if one.number == release.number:
            if one.lineage["model_md5"] != version.tags["model_md5"]:
                raise StageError(f"the tag {one.name} is of another model: nothing is tagged")
            return one.name
    require_merged(root, version.tags["git_commit"])
    text = json.dumps({**version.tags, BUNDLE: bundle}, indent=1, sort_keys=True)
    subject = f"Version {version.number} of {name}"
    git.tag(root, release.name, version.tags["git_commit"], f"{subject}\n\n{text}\n")
    return release.name


def main() -> None:
    """Restore the registry from the tags, and say what is in it."""
    root, params = project_root(), load_params()
    releases = restore(root, params)
    outputs.write({"newest": releases[-1].name if releases else ""})
    if not store.is_local(root):
        print("history: the registry is the one that MLFLOW_TRACKING_URI names")
    elif not releases:
        print("history: no version was released yet (no tag model-1)")
    else:
        newest = releases[-1]
        print(f"history: {len(releases)} released, the newest is version {newest.number} "
              f"(commit {newest.lineage['git_commit'][:12]})")  # fmt: skip
