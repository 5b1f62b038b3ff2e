"""The software bill of materials of a container image, as CycloneDX JSON, from its inventory.

The model and the project's own code are in it, the Python interpreter, every Python package and
every Debian package that is found in the image, and not what a lock says should be there.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json, write_json
from lifecycle.core.command import project_root
from lifecycle.records import bento
from lifecycle.release import sbom


def canonical(name: str) -> str:
    """Return a Python package's name in its one form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _component(kind: str, name: str, version: str, purl: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}


def components(found: dict[str, Any], locked: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return a component for each thing that an inventory lists."""
    system = found["system"]
    made = [
        {"type": "operating-system", "name": system["ID"], "version": system.get("VERSION_ID", ""),
         "bom-ref": f"os:{system['ID']}"},
        _component("platform", "python", found["python"], f"pkg:generic/python@{found['python']}"),
    ]  # fmt: skip
    for one in found["python_packages"]:
        name, version = canonical(one["name"]), one["version"]
        hashes = [{"alg": "SHA-256", "content": h} for h in locked.get(f"{name}=={version}", [])]
        made.append(_component(
            "library", name, version, f"pkg:pypi/{name}@{version}",
            evidence={"occurrences": [{"location": one["path"]}]},
            **({"hashes": hashes} if hashes else {}),
        ))  # fmt: skip
        # The same package twice on the disk is two places of one component.
        made[-1]["bom-ref"] += f"#{one['path']}"
    for one in found["debian_packages"]:
        purl = (f"pkg:deb/{system['ID']}/{one['package']}@{one['version']}"
                f"?arch={one['architecture']}")  # fmt: skip
        made.append(_component("library", one["package"], one["version"], purl))
    return made


def own(folder: Path, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the components that are the project's: the model, by its content."""
    from lifecycle.contract.seal import sha256

    return [{
        "type": "machine-learning-model", "bom-ref": "model", "name": facts["name"],
        "version": facts["model_version"],
        "hashes": [
            {"alg": "MD5", "content": facts["model_md5"]},
            {"alg": "SHA-256", "content": sha256(folder / "model.ubj")},
        ],
        "properties": [{"name": "git:commit", "value": facts["git_commit"]}],
    }]  # fmt: skip


def bill_of_materials(root: Path, tag: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return the document of the image `tag`; the same image gives the same document."""
    folder = bento.release_folder(root, tag)
    name, _, version = tag.partition(":")
    lock = bento.folder(root, tag) / "env/python/requirements.txt"
    locked = {f"{canonical(n)}=={v}": hashes for n, v, _, hashes in sbom.read_lock(lock)}
    model = own(folder, read_json(folder / "release.json"))
    return sbom.document("container", name, version, model + components(found, locked))


def main(given: argparse.Namespace) -> None:
    """Read an inventory from standard input and write the document of the champion's image."""
    target, root = given.target, project_root()
    try:
        found = json.load(sys.stdin)
    except ValueError:
        raise StageError("the image gave no inventory: does `make image` pass?") from None
    document = bill_of_materials(root, bento.released(root).tag, found)
    write_json(target, document)
    print(f"sbom: {len(document['components'])} components are in {target}")
