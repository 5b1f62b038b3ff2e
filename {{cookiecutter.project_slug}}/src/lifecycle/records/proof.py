"""What proves that the gate let a version through: its tags, its verdict, its own commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.section import plain
from lifecycle.core import git
from lifecycle.core.git_command import GitError
from lifecycle.core.params import Judged, load_params
from lifecycle.records import verdict
from lifecycle.records.registry import TRACKED, Version

# What DVC keeps, and dvc.lock names.
DATA = ("data_md5", "train_md5", "holdout_md5", "model_md5", "evaluation_md5")
NEEDED = ("git_commit", "window", "gate_md5", "gate_verdict", *TRACKED, *DATA)


def verdict_fault(root: Path, version: Version, found: Any) -> str | None:
    """Return why a verdict does not let a version through with the tags that it has, else None.

    Raises:
        StageError: git could not look what the version's commit asks for.
    """
    try:
        report = verdict.passed(found)
        verdict.passed(found, required(root, version, report))
    except GitError:
        raise
    except StageError as error:
        return verdict.short(error.reason)
    tags = version.tags
    others = verdict.differing(found, verdict.contents(tags, found))
    # What its rollout will expect was measured by the gate.
    measured = found.get("difference")
    if tags.get("difference") != (json.dumps(measured, sort_keys=True) if measured else None):
        others.append("difference")
    return f"it is about another {', '.join(others)}" if others else None


def settings(root: Path, version: Version) -> tuple[Judged, Schema] | None:
    """Return parameters and schema by which a version has to be judged.

    They are those of its commit, or this project's own where that is not here: whoever names a
    commit that nobody has is not let off. None where today's code cannot read its commit's.
    """
    commit = version.tags["git_commit"]
    if not git.has_commit(root, commit):
        own = Judged.model_validate(load_params(root / "params.yaml"))
        return own, load_schema(root / "schema.yaml")
    params, schema = (
        git.content(root, commit, name) or b"" for name in ("params.yaml", "schema.yaml")
    )
    try:
        return (Judged.model_validate(plain(params)),
                Schema.model_validate(plain(schema)))  # fmt: skip
    except (ValidationError, yaml.YAMLError):
        return None


def required(root: Path, version: Version, report: verdict.Report) -> list[str] | None:
    """Return the rules that the version's own commit asks for; None where nobody can say."""
    is_here = git.has_commit(root, version.tags["git_commit"])
    found = settings(root, version) if is_here else None
    return verdict.required_rules(*found, report.against) if found else None
