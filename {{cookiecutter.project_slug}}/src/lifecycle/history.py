"""Versions that were released, as tags of git: the registry where no shared one is configured.

A workflow's machine is empty at the start and gone at the end. What a release leaves in git is an
annotated tag `model-3` at the commit of version 3 whose message holds the version's lineage; from
these tags every machine gets the same registry: the same numbers, and the newest is the champion.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from lifecycle import git, outputs, registry, store
from lifecycle.command import StageError, project_root, run
from lifecycle.params import Params, load_params

TAG = re.compile(r"model-([1-9]\d*)")


@dataclass(frozen=True)
class Release:
    """A version that was released: its number, and what its tag in the registry is made of."""

    number: int
    lineage: dict[str, str]

    @property
    def name(self) -> str:
        """The git tag."""
        return f"model-{self.number}"


def released(root: Path) -> list[Release]:
    """Return every released version that the checked-out history has, the oldest first.

    Raises:
        StageError: a tag of this form holds no lineage: somebody made it by hand.
    """
    found = []
    for name in git.tags(root, "model-*"):
        if number := TAG.fullmatch(name):
            found.append(Release(int(number[1]), _lineage(git.message(root, name), name)))
    return sorted(found, key=lambda release: release.number)


def _lineage(message: str, name: str) -> dict[str, str]:
    _, _, text = message.partition("\n\n")
    try:
        lineage: dict[str, str] = json.loads(text)
        if lineage["model_md5"] and lineage["git_commit"]:
            return lineage
    except (ValueError, KeyError, TypeError):
        pass
    raise StageError(
        f"the tag {name} holds no lineage, so it is no release: type `git tag -d {name}` and "
        f"`git push --delete origin {name}`"
    )


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


def record(root: Path, version: registry.Version, name: str) -> str:
    """Tag the version's commit, so that every clone can restore it; return the tag.

    Raises:
        StageError: the tag is there already, for another model.
    """
    release = Release(version.number, version.tags)
    for one in released(root):
        if one.number == release.number:
            if one.lineage["model_md5"] != version.tags["model_md5"]:
                raise StageError(f"the tag {one.name} is of another model: nothing is tagged")
            return one.name
    text = json.dumps(version.tags, indent=1, sort_keys=True)
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


if __name__ == "__main__":
    run("history", main)
