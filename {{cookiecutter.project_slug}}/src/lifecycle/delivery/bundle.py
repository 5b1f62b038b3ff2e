"""Bundle packs a packaged version into one file, for another machine to take in.

The file holds the Bento, the version's lineage and verdict, and a manifest of all that. Every
machine that gets it serves the same bytes: its SHA-256 goes along with it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

from lifecycle.contract import seal
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import json_text, md5_of, read_json, replacing, write_json
from lifecycle.core import git, outputs
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.delivery import checksum
from lifecycle.delivery.receive import receive
from lifecycle.records import (
    bento,
    history,
    kept_verdicts,
    named,
    registry,
    tag_forms,
    unpack,
    verdict,
)
from lifecycle.release.gate import gate
from lifecycle.release.package import package
from lifecycle.release.register import register

FOLDER, FILE, FACTS = Path("dist"), "bundle.tar.gz", unpack.FACTS
COMMIT = "commit.bundle"


def pack(root: Path, params: Params, version: registry.Version, released: bento.Released) -> Path:
    """Write dist/bundle.tar.gz and, beside it, version.json and the bill of materials."""
    target, folder = root / FOLDER / FILE, bento.folder(root, released.tag)
    facts = {
        "name": params.project.name,
        "version": version.number,
        "tag": released.tag,
        "lineage": version.tags,
        "metrics": tag_forms.metrics(version.tags),
        "gate": released_verdict(root, params, version),
    }
    _require_as_registered(root, version, released)
    shutil.rmtree(root / FOLDER, ignore_errors=True)
    write_json(root / FOLDER / FACTS, facts)
    shutil.copyfile(folder / "sbom.cdx.json", root / FOLDER / "sbom.cdx.json")
    # The commit that `register` made of dvc.lock is on this machine only.
    git.bundle(root, root / FOLDER / COMMIT)
    files = {unpack.FACTS: root / FOLDER / FACTS}
    files |= {f"{unpack.BENTO}/{name}": folder / name for name in sorted(seal.hashes(folder))}
    listed = {name: {"size": path.stat().st_size, "sha256": seal.sha256(path)}
              for name, path in files.items()}  # fmt: skip
    manifest = json.dumps({"format": 1, "files": listed}, indent=1).encode()
    with (
        replacing(target) as part,
        # No name and no time in the file: the same content is the same file.
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, 0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        archive.addfile(unpack.header(unpack.MANIFEST, len(manifest)), io.BytesIO(manifest))
        for name, path in files.items():
            with path.open("rb") as content:
                archive.addfile(unpack.header(name, path.stat().st_size), content)
    return target


def _require_as_registered(root: Path, version: registry.Version, released: bento.Released) -> None:
    """Pack nothing that `receive` would refuse.

    Raises:
        StageError: the Bento was made of other files than the version was registered with.
    """
    bento.require(root, released.tag)
    folder, commit = bento.folder(root, released.tag), version.tags["git_commit"][:12]
    if found := named.difference(folder, version.tags, at_first=True):
        raise StageError(
            f"version {version.number} was registered at commit {commit} with something else "
            f"({found}), so it is not packed",
            "check out what it was made of, or remove the version "
            "in MLflow (`make ui`) and type the same again",
        )


def released_verdict(root: Path, params: Params, version: registry.Version) -> dict[str, Any]:
    """Return the verdict that let the version through; where its run is elsewhere, it is today's.

    Raises:
        StageError: neither is about what the version's tags name.
    """
    found: dict[str, Any] = kept_verdicts.kept_verdict(
        root, version.run_id, version.tags.get("gate_md5", "")
    ) or read_json(root / params.paths.gate_report)
    wanted = {key: version.tags.get(key) for key in verdict.CONTENTS}
    differ = verdict.differing(found, wanted)
    text = json_text(found).encode()
    if md5_of(text) != version.tags.get("gate_md5"):
        differ.append("gate_md5")
    if differ:
        raise StageError(f"the verdict here is not about version {version.number} "
                         f"({', '.join(differ)} differ), so it is not packed")  # fmt: skip
    return found


def bundle(root: Path, params: Params, schema: Schema) -> dict[str, Any]:
    """Gate, register, package, pack; return what a workflow has to know of it.

    A model that is the champion is packed no more: `released` is false then.
    """
    releases = history.restore(root, params)
    try:
        judged = gate(root, params, schema)
    except StageError as error:
        outputs.summarise(f"## Nothing is released: the gate stopped the line\n\n{error}")
        raise
    if judged == "unchanged":
        reason = read_json(root / params.paths.gate_report)["reason"]
        outputs.summarise(f"## Nothing to release\n\n{reason}")
        return {"released": "false"}
    history.reserve(root, params)
    version = register(root, params, schema)
    assert version is not None
    history.require_free(root, version.number)
    released = package(root, params, schema)
    path = pack(root, params, version, released)
    print(f"bundle: version {released.version} is in {path.relative_to(root)} "
          f"({path.stat().st_size / 1e6:.1f} MB, SHA-256 {seal.sha256(path)})")  # fmt: skip
    # Without its hash nobody could say later that a bundle is the one that was released.
    before = [one for one in releases if one.number < version.number and one.bundle]
    return {
        "released": "true", "version": released.version, "tag": released.tag,
        "sha256": seal.sha256(path), "previous": before[-1].name if before else "",
        "previous-sha256": before[-1].bundle if before else "",
        "has-image": str((root / "deploy/Dockerfile").is_file()).lower(),
    }  # fmt: skip


def main() -> None:
    """Pack the model that the pipeline made."""
    outputs.write(bundle(project_root(), load_params(), load_schema()))


def take_in(given: argparse.Namespace) -> None:
    """Take a bundle in."""
    root, params = project_root(), load_params()
    released = receive(root, params, given.bundle, checksum.named())
    print(f"receive: version {released.version} ({released.tag}) is here: `make deploy`")
