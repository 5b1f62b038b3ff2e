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

from folders import EXAMPLE

from lifecycle.contract import seal
from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.contract.files import json_text, md5, write_json
from lifecycle.core import params
from lifecycle.records import bento, proof, verdict

PARAMS, SCHEMA = EXAMPLE / "params.yaml", EXAMPLE / "schema.yaml"
COMMIT = "b" * 40
RULE = {"rule": "roc_auc", "measured": "0.7", "required": ">= 0.6", "verdict": "pass"}
Files = dict[str, bytes]


class Bundle:
    """Everything that a bundle is made of, each part to be spoilt before it is written."""

    def __init__(
        self, name: str, version: int, model: bytes, folder: Path, commit: str = COMMIT
    ) -> None:
        """Make a Bento below `folder`, and what is said about it."""
        settings, schema = params.load_params(PARAMS), load_schema(SCHEMA)
        tags = dict.fromkeys(proof.NEEDED, "a" * 32) | {
            "git_commit": commit, "gate_verdict": "pass", "window": "2013-01 to 2013-02",
            "train_last": "2013-02-01 23:59:00", "threshold": repr(settings.evaluate.threshold),
            **{f"metric.{metric}": "0.7" for metric in settings.gate.metrics},
        }  # fmt: skip
        made, tag, hashes = make_bento(name, version, model, folder, commit)
        tags |= hashes
        rules = [RULE | {"rule": rule} for rule in verdict.required_rules(settings, schema, None)]
        gate = {"verdict": "pass", "reason": "every rule holds", "rules": rules,
                "champion": None, "base": None}  # fmt: skip
        self.facts: dict[str, Any] = {
            "name": name, "version": version, "tag": tag, "lineage": tags,
            "metrics": dict.fromkeys(settings.gate.metrics, 0.7),
            "gate": gate | {key: tags[key] for key in verdict.CONTENTS},
        }  # fmt: skip
        # Whatever is changed in the verdict, its hash follows; else only what is said to.
        self.follows = True
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
        text, tags = self.facts_text, self.facts.get("lineage")
        if self.follows and isinstance(tags, dict) and "gate_md5" in tags:
            gate = json_text(self.facts["gate"]).encode()
            tags["gate_md5"] = hashlib.md5(gate, usedforsecurity=False).hexdigest()
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


def value(column: Column) -> Any:
    """Return a value that a column may have."""
    if column.null_share:
        return None
    made = {"integer": int(column.minimum or 0), "float": float(column.minimum or 0),
            "boolean": True, "string": "text", "datetime": "2013-01-05T05:00:00"}  # fmt: skip
    return column.categories[0] if column.categories else made[column.type]


def smoke(schema: Schema) -> dict[str, Any]:
    """Return a smoke request and an answer to it."""
    record = {name: value(schema[name]) for name in schema.request}
    answer = {"probability": 0.5, schema.target: True}
    return {"request": {"records": [record]}, "answers": [answer]}


def make_bento(
    name: str, version: int, model: bytes, folder: Path, commit: str
) -> tuple[Path, str, dict[str, str]]:
    """Return a Bento's folder, its tag, and the hashes that its version's tags have."""
    made = folder / "bento"
    source, settings = made / "src", params.load_params(PARAMS)
    (source / "release").mkdir(parents=True)
    (source / "lifecycle").mkdir()
    (source / "service.py").write_text("")
    (source / "release/model.ubj").write_bytes(model)
    shutil.copy(SCHEMA, source / "release/schema.yaml")
    (source / "project").mkdir()
    shutil.copy(EXAMPLE / "project" / "features.py", source / "project")
    facts = {
        "name": name, "model_version": str(version), "git_commit": commit, "gate_verdict": "pass",
        "model_md5": md5(source / "release/model.ubj"), "threshold": settings.evaluate.threshold,
        "maximum_rows": 100, "maximum_body_bytes": 100_000, "timeout_seconds": 3,
        "prediction_log": settings.prediction_log.model_dump(),
    }  # fmt: skip
    write_json(source / "release/release.json", facts)
    write_json(source / seal.SMOKE, smoke(load_schema(SCHEMA)))
    (made / "env/python").mkdir(parents=True)
    (made / seal.LOCK).write_text("six==1\n")
    (made / "sbom.cdx.json").write_text("{}")
    tag = sealed(made, f"{name}:{version}")
    assert bento.TAG.fullmatch(tag)
    return made, tag, hashes(made)


def hashes(made: Path) -> dict[str, str]:
    """Return the tags of a version that name files of its Bento."""
    files = {"model_md5": "src/release/model.ubj", "schema_md5": "src/release/schema.yaml",
             "features_md5": "src/project/features.py",
             "serving_environment_md5": seal.LOCK}  # fmt: skip
    return {key: md5(made / file) for key, file in files.items() if (made / file).is_file()}


def sealed(made: Path, begin: str) -> str:
    """Give a Bento the tag and the manifest that follow from its content; return the tag."""
    staged = {name: one for name, one in seal.hashes(made / "src").items()
              if name not in (seal.SMOKE, seal.MANIFEST)}  # fmt: skip
    staged["requirements.txt"] = seal.sha256(made / seal.LOCK)
    tag = f"{begin}-{seal.tag_hash(staged)}"
    name, _, version = tag.partition(":")
    about = made / "bento.yaml"
    if not about.exists() or about.read_bytes().startswith(b"service: service:service\nname: "):
        about.write_text(f"service: service:service\nname: {name}\nversion: {version}\n")
    seal.write(made / "src", made)
    return tag


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
