"""A Bento, in everything as `package` leaves one, but small."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

from lifecycle.contract import seal
from lifecycle.contract.files import md5, write_json
from lifecycle.records import bento


def packaged(folder: Path) -> SimpleNamespace:
    """Make a Bento below a folder; return its root, its tag, its place, its version's tags."""
    source = folder / "stage"
    (source / "release").mkdir(parents=True)
    (source / "project").mkdir()
    for name in (
        "service.py", "bentofile.yaml", "project/features.py", "release/schema.yaml",
    ):  # fmt: skip
        (source / name).write_text(f"{name}\n")
    (source / "release/model.ubj").write_bytes(b"model")
    facts = {"name": "name", "model_version": "7", "model_md5": md5(source / "release/model.ubj"),
             "gate_verdict": "pass", "git_commit": "b" * 40, "threshold": 0.3}  # fmt: skip
    write_json(source / "release/release.json", facts)
    (source / "requirements.txt").write_text("six==1\n")
    tag = f"name:7-{seal.tag_hash(seal.hashes(source))}"
    place = bento.folder(folder, tag)
    (place / "env/python").mkdir(parents=True)
    shutil.move(source / "requirements.txt", place / seal.LOCK)
    shutil.move(source, place / "src")
    (place / "src" / seal.SMOKE).write_text("{}")
    (place / "bento.yaml").write_text("name: name\n")
    seal.write(place / "src", place)
    tags = {
        "model_md5": facts["model_md5"], "gate_verdict": "pass", "git_commit": "b" * 40,
        "threshold": "0.3", "features_md5": md5(place / "src/project/features.py"),
        "schema_md5": md5(place / "src/release/schema.yaml"), "window": "2013-01 to 2013-02",
        "serving_environment_md5": md5(place / seal.LOCK),
    }  # fmt: skip
    return SimpleNamespace(root=folder, tag=tag, place=place, tags=tags)
