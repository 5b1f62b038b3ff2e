"""Bundle packs a packaged version into one file, and takes it in again on another machine.

The file holds the Bento and the version's lineage. Every machine that gets it serves the same
bytes: its SHA-256 goes along with it, and a file with another one is refused.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from lifecycle import bento, git, history, outputs, registry, store
from lifecycle.columns import Schema, load_schema
from lifecycle.command import StageError, project_root, run
from lifecycle.files import read_json, replacing, write_json
from lifecycle.gate import gate
from lifecycle.package import package, settle
from lifecycle.params import Params, load_params
from lifecycle.register import register

FOLDER, FILE, FACTS = Path("dist"), "bundle.tar.gz", "version.json"
COMMIT = "commit.bundle"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def pack(root: Path, params: Params, version: registry.Version, released: bento.Released) -> Path:
    """Write dist/bundle.tar.gz and, beside it, version.json and the bill of materials."""
    target, folder = root / FOLDER / FILE, bento.folder(root, released.tag)
    facts = {
        "name": params.project.name,
        "version": version.number,
        "tag": released.tag,
        "lineage": version.tags,
        "metrics": read_json(root / params.paths.metrics),
        "gate": read_json(root / params.paths.gate_report),
    }
    shutil.rmtree(root / FOLDER, ignore_errors=True)
    write_json(root / FOLDER / FACTS, facts)
    shutil.copyfile(folder / "sbom.cdx.json", root / FOLDER / "sbom.cdx.json")
    # The commit that `register` made of dvc.lock is on this machine only.
    git.bundle(root, root / FOLDER / COMMIT)
    with (
        replacing(target) as part,
        # No name and no time in the file: the same content is the same file.
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, 0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        archive.add(root / FOLDER / FACTS, FACTS, filter=_plain)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.add(path, f"bento/{path.relative_to(folder).as_posix()}", filter=_plain)
    return target


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who made a file, and when."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


def receive(root: Path, params: Params, path: Path, wanted: str = "") -> bento.Released:
    """Take in a bundle: its Bento, and its version in the registry as challenger.

    Raises:
        StageError: it is missing, not the file with the SHA-256 `wanted`, or no bundle of this
            project; nothing has changed then.
    """
    if not path.is_file():
        raise StageError(f"{path} is missing: say which bundle, BUNDLE=file (`make bundle` packs)")
    if wanted and sha256(path) != wanted:
        raise StageError(f"{path} has the SHA-256 {sha256(path)}, not {wanted}: not what was built")
    home = bento.home(root)
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".receiving-", dir=home) as temporary:
        try:
            with tarfile.open(path) as archive:
                archive.extractall(temporary, filter="data")
            facts = read_json(Path(temporary) / FACTS)
            released = bento.Released(facts["tag"], facts["version"])
            lineage: dict[str, str] = facts["lineage"]
        except (tarfile.TarError, OSError, EOFError, KeyError, TypeError, StageError):
            raise StageError(f"{path} is no bundle: `make bundle` packs one") from None
        if facts["name"] != params.project.name:
            raise StageError(f"{path} is a bundle of {facts['name']}, not {params.project.name}")
        versions = _known(root, params, released, lineage)
        place = bento.folder(root, released.tag)
        if not (place / "bento.yaml").is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            (Path(temporary) / "bento").rename(place)
    if serving_now(versions) != released.version:
        versions.set_alias("challenger", released.version)
    settle(root, versions, released)
    return released


def serving_now(versions: registry.Registry) -> int | None:
    """Return the number of the champion."""
    champion = versions.by_alias("champion")
    return champion.number if champion else None


def _known(
    root: Path, params: Params, released: bento.Released, lineage: dict[str, str]
) -> registry.Registry:
    """Return a registry that has the version, with exactly this lineage."""
    history.restore(root, params)
    versions = registry.connect(root, params)
    if store.is_local(root):
        versions.adopt(released.version, lineage)
    elif versions.get(released.version).tags.get("model_md5") != lineage["model_md5"]:
        raise StageError(
            f"version {released.version} of the shared registry is another model than the bundle's"
        )
    return versions


def bundle(root: Path, params: Params, schema: Schema) -> dict[str, Any]:
    """Gate, register, package, pack; return what a workflow has to know of it.

    A model that is the champion is packed no more: `released` is false then.
    """
    releases = history.restore(root, params)
    try:
        verdict = gate(root, params, schema)
    except StageError as error:
        outputs.summarise(f"## Nothing is released: the gate stopped the line\n\n{error}")
        raise
    if verdict == "unchanged":
        reason = read_json(root / params.paths.gate_report)["reason"]
        outputs.summarise(f"## Nothing to release\n\n{reason}")
        return {"released": "false"}
    version = register(root, params, schema)
    assert version is not None
    released = package(root, params, schema)
    path = pack(root, params, version, released)
    print(f"bundle: version {released.version} is in {path.relative_to(root)} "
          f"({path.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256(path)})")  # fmt: skip
    before = [one.name for one in releases if one.number < version.number]
    return {
        "released": "true", "version": released.version, "tag": released.tag,
        "sha256": sha256(path), "previous": before[-1] if before else "",
        "has-image": str((root / "deploy/Dockerfile").is_file()).lower(),
    }  # fmt: skip


def main() -> None:
    """Pack the model that the pipeline made; with a file, take a bundle in."""
    parser = argparse.ArgumentParser(description="Pack a version, or take one in.")
    parser.add_argument("receive", nargs="?", type=Path, help="the bundle to take in")
    given, root, params = parser.parse_args().receive, project_root(), load_params()
    if given is None:
        outputs.write(bundle(root, params, load_schema()))
        return
    released = receive(root, params, given, os.environ.get("BUNDLE_SHA256", ""))
    print(f"receive: version {released.version} ({released.tag}) is here: `make deploy`")


if __name__ == "__main__":
    run("bundle", main)
