"""Fetch brings the source's files into the project, where they are not; DVC hashes what is there.

To fetch anew, delete that folder. What is then another than dvc.lock says is said to be.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, md5_of, move
from lifecycle.contract.section import plain
from lifecycle.core.command import project_root
from lifecycle.core.params import load_params
from lifecycle.core.source_settings import PythonSource, SourceSettings
from lifecycle.pipeline import source
from lifecycle.sources import fetching


def fetch(settings: SourceSettings, folder: Path, root: Path) -> None:
    """Fill an empty folder with the files of a source; `root` is the project's folder.

    Raises:
        StageError: it has none, or they cannot be had.
    """
    if not isinstance(settings, PythonSource):
        fetching.fetch(settings, folder, root)
        return
    try:
        source.find(settings.name).fetch(folder)
    except ValueError as error:
        raise StageError(str(error)) from None


def changed(root: Path, name: str, settings: SourceSettings) -> str:
    """Return in what the files fetched differ from those of dvc.lock; empty where in nothing.

    Empty as well where dvc.lock is of another source, or there is none.
    """
    try:
        stage = plain((root / "dvc.lock").read_bytes())["stages"]["ingest"]
        known = next(one for one in stage["deps"] if one["path"] == name)
        of = stage["params"]["params.yaml"]["data"]["source"]
    except (OSError, LookupError, TypeError, ValueError, StopIteration, yaml.YAMLError):
        return ""
    # As YAML has it: a list for a tuple.
    ours = json.loads(settings.model_dump_json(exclude_unset=True))
    found = _hash(root / name)
    if of != ours or found == known["md5"]:
        return ""
    return (f"the source has changed since dvc.lock was written: {known.get('nfiles', '?')} files "
            f"of {known.get('size', '?')} bytes then ({known['md5']}), now {found}")  # fmt: skip


def _hash(folder: Path) -> str:
    """Return the hash that DVC gives a folder."""
    every = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [{"md5": md5(path), "relpath": path.relative_to(folder).as_posix()} for path in every]
    listed.sort(key=lambda one: one["relpath"])
    return f"{md5_of(json.dumps(listed, sort_keys=True).encode())}.dir"


def main() -> None:
    """Bring the source's files into the project."""
    params, root = load_params(), project_root()
    folder = root / params.paths.source
    if folder.is_dir():
        return
    # Fetched beside its place, then moved: a crash leaves no half of it where ingest reads.
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        fetch(params.data.source, part, root)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    move(part, folder)
    if said := changed(root, params.paths.source.as_posix(), params.data.source):
        print(f"source: {said}: `make pipeline` makes another model of it")
