"""Versions of a model, with everything that proves that the gate passed them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from bundles import RULE
from folders import EXAMPLE

from lifecycle.core.params import Params
from lifecycle.records import (
    proof,
    registry,
    verdict,
)
from lifecycle.records.registry import TRACKED, Version

MODEL = "1" * 32


def git(folder: Path, *arguments: str) -> str:
    somebody = ("-c", "user.name=a", "-c", "user.email=a@localhost",
                "-c", "core.hooksPath=/dev/null")  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(folder), *somebody, *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def make(root: Path, params: Params, empty_store: Path) -> SimpleNamespace:
    """Make a project with one commit of all that a version leads back to, its tags and verdict."""
    for path in TRACKED.values():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    shutil.copy(EXAMPLE / "schema.yaml", root)
    text = yaml.safe_dump(params.model_dump(mode="json", by_alias=True), sort_keys=False)
    (root / "params.yaml").write_text(text)
    (root / "dvc.lock").write_text(
        f"stages:\n  train:\n    outs:\n    - path: m\n      md5: {MODEL}\n"
    )
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "All")
    shutil.copy(empty_store, root)
    tags = dict.fromkeys(proof.NEEDED, "a" * 32) | {
        "git_commit": git(root, "rev-parse", "HEAD"), "model_md5": MODEL, "gate_verdict": "pass",
        "window": "2013-01 to 2013-02", "train_last": "2013-02-01",
        "threshold": repr(params.evaluate.threshold),
        **{tag: md5((root / path).read_bytes()) for tag, path in TRACKED.items()},
    }  # fmt: skip
    found = proof.required(root, Version(1, tags, ""), SimpleNamespace(against=None))  # type: ignore[arg-type]
    assert found
    gate: dict[str, Any] = {
        "verdict": "pass", "reason": "every rule holds", "champion": None, "base": None,
        "rules": [{**RULE, "rule": rule} for rule in found],
        **{key: tags[key] for key in verdict.CONTENTS},
    }  # fmt: skip
    return SimpleNamespace(root=root, params=params, tags=tags, gate=gate)


def by_hand(made: SimpleNamespace, **changes: str) -> Version:
    """Make a version as one does in MLflow, without a run."""
    versions = registry.connect(made.root, made.params)
    versions._ensure()
    return registry._version(versions._client.create_model_version(
        versions.name, "git:whatever", tags={**made.tags, **changes}, await_creation_for=0
    ))  # fmt: skip
