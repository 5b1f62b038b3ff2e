"""Publish makes a delivered version a release: a tag of git with its lineage, and its notes.

Safe to repeat: a tag that is there and a release that is there stay, and the notes are renewed.
"""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import Any

from lifecycle.contract import seal
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json, write_text
from lifecycle.core import git, outputs
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.delivery import checksum, notes
from lifecycle.delivery.bundle import COMMIT, FACTS, FILE, FOLDER
from lifecycle.records import history
from lifecycle.records.registry import Version

# What is published besides, by its place in the bundle.
INSIDE = {FACTS: FACTS, "sbom.cdx.json": "bento/sbom.cdx.json"}
ASSETS = (FILE, FACTS, "sbom.cdx.json", "image-sbom.cdx.json")


def gh(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run GitHub's own client; return whatever came of it.

    Raises:
        StageError: it is not installed.
    """
    try:
        return subprocess.run(
            ["gh", *arguments], input=given or "", capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise StageError("gh, GitHub's own client, is not installed: see cli.github.com") from None


def must(*arguments: str, given: str | None = None) -> str:
    """Run `gh`, which has to pass; its last words become the error."""
    done = gh(*arguments, given=given)
    if done.returncode:
        words = (done.stderr.strip() or "no message").splitlines()[-1]
        raise StageError(f"gh {' '.join(arguments[:2])} failed: {words}")
    return done.stdout


def unpack(folder: Path) -> tuple[dict[str, Any], str]:
    """Take what is published out of the bundle, once that is what was built; return facts and hash.

    What lies beside the bundle has no hash of its own, and so is not believed.

    Raises:
        StageError: there is no bundle, or another one than BUNDLE_SHA256 names.
    """
    path = folder / FILE
    if not path.is_file():
        raise StageError(f"{path} is missing", "run `make bundle`")
    wanted = checksum.named() or seal.sha256(path)
    checksum.require(path, wanted)
    try:
        with tarfile.open(path) as archive:
            found = {name: archive.extractfile(member) for name, member in INSIDE.items()}
            content = {name: handle.read() for name, handle in found.items() if handle}
        for name in INSIDE:
            (folder / name).write_bytes(content[name])
    except (tarfile.TarError, KeyError, EOFError, OSError):
        raise StageError(f"{path} is no bundle: `make bundle` packs one") from None
    facts: dict[str, Any] = read_json(folder / FACTS)
    return facts, wanted


def publish(root: Path, params: Params) -> str:
    """Tag the version of dist/, push the tag, and make its release; return the tag.

    Raises:
        StageError: there is no bundle, or git or GitHub refuse.
    """
    folder = root / FOLDER
    facts, bundle = unpack(folder)
    version = Version(facts["version"], facts["lineage"], "")
    if (folder / COMMIT).is_file():
        git.fetch(root, folder / COMMIT)
    tag = history.record(root, version, params.project.name, bundle)
    git.push(root, f"refs/tags/{tag}")
    text = notes.of_folder(folder)
    write_text(folder / "notes.md", text)
    files = [str(folder / name) for name in ASSETS if (folder / name).is_file()]
    title, path = f"Version {version.number}", str(folder / "notes.md")
    if gh("release", "view", tag).returncode == 0:
        must("release", "edit", tag, "--notes-file", path)
        print(f"publish: release {tag} was there; its notes are renewed")
    else:
        must("release", "create", tag, *files, "--verify-tag", "--title", title,
             "--notes-file", path)  # fmt: skip
        print(f"publish: release {tag} is made")
    outputs.summarise(f"## Released: {title}\n\n{text}")
    return tag


def main() -> None:
    """Publish what `make bundle` packed and `make deliver` took to its environments."""
    publish(project_root(), load_params())
