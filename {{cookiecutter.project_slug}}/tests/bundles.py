"""Bundles, good ones and ones that somebody made to harm: small, but in everything as they are."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lifecycle import bento, lineage, seal, verdict
from lifecycle.files import md5, write_json

RULE = {"rule": "roc_auc", "measured": "0.7", "required": ">= 0.6", "verdict": "pass"}
Files = dict[str, bytes]


class Bundle:
    """Everything that a bundle is made of, each part to be spoilt before it is written."""

    def __init__(self, name: str, version: int, model: bytes, folder: Path) -> None:
        """Make a Bento below `folder`, and what is said about it."""
        made, tag = make_bento(name, version, model, folder)
        tags = dict.fromkeys(lineage.NEEDED, "a" * 32) | {
            "git_commit": "b" * 40, "gate_verdict": "pass", "window": "2013-01 to 2013-02",
            "train_last": "2013-02-01", "metric.roc_auc": "0.7",
            "model_md5": md5(made / "src/release/model.ubj"),
        }  # fmt: skip
        gate = {"verdict": "pass", "reason": "every rule holds", "rules": [RULE],
                "champion": None, "base": None}  # fmt: skip
        self.facts: dict[str, Any] = {
            "name": name, "version": version, "tag": tag, "lineage": tags,
            "metrics": {"roc_auc": 0.7},
            "gate": gate | {key: tags[key] for key in verdict.CONTENTS},
        }  # fmt: skip
        self.bento = made
        # Left as they are, they follow from the above.
        self.facts_text: bytes | None = None
        self.more: Files = {}
        self.left_out: set[str] = set()
        self.manifest: Callable[[dict[str, Any]], object] = lambda _: None
        self.manifest_text: bytes | None = None
        self.encoding = "utf-8"
        self.archive: Callable[[bytearray], object] = lambda _: None
        self.members: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object] = lambda _: None

    def copy(self, folder: Path) -> Bundle:
        """Return another one of the same content."""
        other = copy.copy(self)
        other.facts = copy.deepcopy(self.facts)
        other.more, other.left_out = {}, set()
        other.bento = folder / self.bento.name
        shutil.copytree(self.bento, other.bento)
        return other

    def files(self) -> Files:
        """Return what is packed beside the manifest."""
        text = self.facts_text
        if text is None:
            text = json.dumps(self.facts).encode()
        files: Files = {"version.json": text}
        for path in sorted(p for p in self.bento.rglob("*") if p.is_file()):
            files[f"bento/{path.relative_to(self.bento).as_posix()}"] = path.read_bytes()
        return files | self.more

    def listed(self) -> dict[str, Any]:
        """Return what the manifest says of the files."""
        return {
            name: {"size": len(one), "sha256": hashlib.sha256(one).hexdigest()}
            for name, one in self.files().items() if name not in self.left_out
        }  # fmt: skip

    def content(self) -> bytes:
        """Return the bundle's file."""
        files, manifest = self.files(), {"format": 1, "files": self.listed()}
        self.manifest(manifest)
        first = self.manifest_text
        if first is None:
            first = json.dumps(manifest).encode(self.encoding)
        members = [(plain(name, one), one)
                   for name, one in {"manifest.json": first, **files}.items()]  # fmt: skip
        self.members(members)
        written = bytearray(archive(members))
        self.archive(written)
        return packed(bytes(written))


def make_bento(name: str, version: int, model: bytes, folder: Path) -> tuple[Path, str]:
    """Return a Bento's folder and its tag."""
    made = folder / "bento"
    source = made / "src"
    (source / "release").mkdir(parents=True)
    (source / "service.py").write_text("")
    (source / "release/model.ubj").write_bytes(model)
    facts = {"model_version": str(version), "model_md5": md5(source / "release/model.ubj")}
    write_json(source / "release/release.json", facts)
    staged = seal.hashes(source)
    (source / seal.SMOKE).write_text("{}")
    (made / "env/python").mkdir(parents=True)
    (made / seal.LOCK).write_text("six==1\n")
    (made / "bento.yaml").write_text("name: name\n")
    (made / "sbom.cdx.json").write_text("{}")
    staged["requirements.txt"] = seal.sha256(made / seal.LOCK)
    tag = f"{name}:{version}-{seal.tag_hash(staged)}"
    assert bento.TAG.fullmatch(tag)
    seal.write(source, made)
    return made, tag


def plain(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """Return a member's header."""
    member = tarfile.TarInfo(name)
    member.size, member.type = len(content), kind
    return member


def archive(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Return a tar archive; headers say what they say, whatever follows them."""
    written = b""
    for member, content in members:
        written += member.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        written += content + bytes(-len(content) % tarfile.BLOCKSIZE)
    written += bytes(2 * tarfile.BLOCKSIZE)
    return written + bytes(-len(written) % tarfile.RECORDSIZE)


def packed(content: bytes, name: str = "") -> bytes:
    """Return a gzip file without time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(name, "wb", 6, buffer, 0) as file:
        file.write(content)
    return buffer.getvalue()
