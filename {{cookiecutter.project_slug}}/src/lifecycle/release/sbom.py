"""The software bill of materials of the serving lock, as CycloneDX JSON."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")
HASHED = re.compile(r"^\s+--hash=sha256:([0-9a-f]{64})")


def read_lock(lock: Path) -> list[tuple[str, str, str, list[str]]]:
    """Return (name, version, marker, SHA-256 hashes) of every package that the lock pins."""
    found: list[tuple[str, str, str, list[str]]] = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        if pinned := PINNED.match(line):
            found.append((pinned[1], pinned[2], pinned[3] or "", []))
        elif hashed := HASHED.match(line):
            found[-1][3].append(hashed[1])
    if not found:
        raise StageError(f"{lock} pins no package", "run `make lock`")
    return found


def bill_of_materials(lock: Path, name: str, version: str) -> dict[str, Any]:
    """Return the document; the same lock and version give the same document.

    A lock is for every platform, so a package that only some of them install has its condition
    as a property, and each package has the hashes of all its files.
    """
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{package}@{pinned}",
            "name": package,
            "version": pinned,
            "purl": f"pkg:pypi/{package}@{pinned}",
            "hashes": [{"alg": "SHA-256", "content": value} for value in hashes],
            **({"properties": [{"name": "python:marker", "value": marker}]} if marker else {}),
        }
        for package, pinned, marker, hashes in read_lock(lock)
    ]
    return document("application", name, version, components)


def document(
    kind: str, name: str, version: str, components: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return CycloneDX's frame around components; the same thing has the same serial number."""
    thing = f"{name}:{version}" if kind == "application" else f"{kind}:{name}:{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, thing)}",
        "version": 1,
        "metadata": {"component": {"type": kind, "name": name, "version": version}},
        "components": components,
    }
