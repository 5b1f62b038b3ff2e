"""The model of another commit, by what its dvc.lock says: the champion where no registry has one.

A pull request on a machine without a registry is judged against the branch that it goes to: BASE
names that commit. `python -m lifecycle base` makes its model again where neither DVC's
cache nor its remote have it any more; the same inputs give the same bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, md5_of, read_json, replacing, write_json
from lifecycle.contract.section import plain
from lifecycle.core import child, failure, git, outputs
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.records import definition
from lifecycle.records.artefact import content_at, fetch_model
from lifecycle.records.registry import DEFINITION, UNREGISTERED, Version, at_commit


def requested(root: Path) -> str | None:
    """Return the commit that BASE names; None where it is empty, or GitHub's zeros of a new branch.

    Raises:
        StageError: it names no commit that is here.
    """
    reference = os.environ.get("BASE", "").strip()
    if not reference.strip("0"):
        return None
    commit = git.commit_of(root, reference)
    if commit is None:
        raise StageError(
            f"BASE={reference} is no commit of this clone",
            "give a branch, tag or commit, and "
            "fetch the whole history first (`git fetch --unshallow`)",
        )
    return commit


def _locked(root: Path, commit: str) -> dict[str, Any]:
    lock = git.content(root, commit, "dvc.lock")
    stages: dict[str, Any] = (plain(lock) or {}).get("stages", {}) if lock else {}
    return stages


def locked_model(root: Path, params: Params, commit: str) -> str:
    """Return the MD5 of the model that a commit's dvc.lock names; raises where it names none."""
    stages = _locked(root, commit).values()
    made = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    model: str | None = made.get(str(params.paths.model))
    if model is None:
        raise StageError(f"dvc.lock of commit {commit[:12]} names no {params.paths.model}")
    return model


def version_at(root: Path, params: Params, commit: str) -> Version | None:
    """Return the model of `commit` as a version that is not registered; None without a dvc.lock.

    Raises:
        StageError: its lock names no model, or what describes the model is not to be had.
    """
    if not _locked(root, commit):
        return None
    tags = {"git_commit": commit, "model_md5": locked_model(root, params, commit)}
    if (other := _made_otherwise(root, commit)).is_file():
        tags |= read_json(other)
    else:
        report = params.paths.prepare_report
        prepared = json.loads(content_at(root, commit, report, f"{report} (`make base` makes it)"))
        tags |= _last(prepared)
    tags |= {tag: _md5_at(root, commit, path) for tag, path in DEFINITION.items()}
    there = {path: _md5_at(root, commit, path) for path in definition.paths(root)}
    tags |= definition.tags(there)
    asked = plain(git.content(root, commit, "params.yaml") or b"")
    with contextlib.suppress(TypeError, KeyError):  # it was of another form then
        tags["threshold"] = repr(asked["evaluate"]["threshold"])
    return Version(UNREGISTERED, tags, "")


def _last(prepared: dict[str, Any]) -> dict[str, str]:
    """Return the tag with the last moment of training; none where the data has no time."""
    return {"train_last": last} if (last := prepared["train"].get("last")) else {}


def _md5_at(root: Path, commit: str, path: str) -> str:
    """Return the MD5 of a file of a commit: where it has none, one that no file of ours has."""
    content = at_commit(root, commit, path) or b""
    return md5_of(content)


def champion(root: Path, params: Params, registered: Version | None) -> Version | None:
    """Return the registry's champion, else the model of BASE, else None: a first model."""
    commit = None if registered else requested(root)
    return version_at(root, params, commit) if commit else registered


def commit_of(version: Version | None, registered: Version | None) -> str | None:
    """Return the commit of what a model is compared with, where that is in no registry."""
    return version.tags["git_commit"] if version and not registered else None


def _made_otherwise(root: Path, commit: str) -> Path:
    """Return the file that says what this machine made of a commit, where that is another model."""
    return root / ".lifecycle" / "base" / f"{commit}.json"


def _keep_other(root: Path, params: Params, commit: str, folder: Path) -> None:
    """Keep what the pipeline made in `folder`, where that is not what the commit's lock names."""
    model, report = folder / params.paths.model, folder / params.paths.prepare_report
    made = md5(model)
    with replacing(root / ".lifecycle" / "models" / f"{made}{model.suffix}") as kept:
        shutil.copyfile(model, kept)
    tags = {"model_md5": made, **_last(read_json(report))}
    write_json(_made_otherwise(root, commit), tags)


def remake(root: Path, params: Params, commit: str, locked: str) -> bool:
    """Run the pipeline of `commit` in a folder of its own, into this project's DVC cache.

    Say whether it gives the `locked` model: another processor's arithmetic gives other bytes.

    Raises:
        StageError: the pipeline stops there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        git.export(root, commit, folder)
        shutil.copytree(root / params.paths.source, folder / params.paths.source)
        # Not a clone: DVC must not look for git there.
        local = f"[core]\n    no_scm = true\n[cache]\n    dir = {root / '.dvc' / 'cache'}\n"
        (folder / ".dvc" / "config.local").write_text(local, encoding="utf-8")
        done = child.run(folder, "dvc", "repro")
        if done.returncode:
            reason = failure.passed_on(failure.of(folder, done.stderr, "dvc repro"))
            raise StageError(f"the pipeline of commit {commit[:12]} stops: {reason}")
        if md5(folder / params.paths.model) == locked:
            return True
        _keep_other(root, params, commit, folder)
        return False


def bring(root: Path, params: Params) -> str:
    """Make the model of BASE available, and say where it came from."""
    commit = requested(root)
    if commit is None or not _locked(root, commit):
        return "there is no model to compare with: no BASE, or no dvc.lock in it"
    _made_otherwise(root, commit).unlink(missing_ok=True)
    try:
        version = version_at(root, params, commit)
        assert version is not None
        fetch_model(root, version.tags)
        return f"the model of commit {commit[:12]} is in DVC's cache or its remote"
    except StageError as error:
        print(f"base: {error}; it is made again", flush=True)
    if remake(root, params, commit, locked_model(root, params, commit)):
        return f"the model of commit {commit[:12]} was made again, the same bytes"
    warning = (
        f"commit {commit[:12]} gives on this machine ({platform.machine()}) another model than its "
        "dvc.lock names: the one made here is compared with. If dvc.lock is not of another "
        "platform, type `make pipeline` there and commit dvc.lock"
    )
    outputs.warn(warning)
    return f"warning: {warning}"


def main() -> None:
    """Make sure that the model of BASE is to be had."""
    print(f"base: {bring(project_root(), load_params())}")
