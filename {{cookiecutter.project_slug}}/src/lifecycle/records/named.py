"""Whether a Bento is the one that its tag and its version's tags in the registry name.

A manifest and a tag can be made anew for whatever was put in their place; what a version was
registered with cannot. Nothing here imports more than the standard library.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from lifecycle.contract import seal
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import parse_strict
from lifecycle.records import definition

RECORD = "src/release/release.json"
SAID = ("model_md5", "gate_verdict")
FILES = {
    "features_md5": "src/project/features.py", "schema_md5": "src/release/schema.yaml",
}  # fmt: skip
# Where it has, as they are, files of the version's definition.
CARRIED = ("src/lifecycle/contract/", "src/project/")
# Where Bentos and commits of before there was a src/project/ have what is there now.
BEFORE = {"src/project/features.py": "src/lifecycle/features.py"}
# What may be another where a version is packaged here once more: its libraries are renewed, and
# what was released anew stands at another commit.
AT_FIRST = {"serving_environment_md5": seal.LOCK}
SAID_AT_FIRST = ("git_commit",)


def damage(
    folder: Path, tag: str, tags: dict[str, str] | None = None, at_first: bool = False
) -> str | None:
    """Return in what a Bento is another than its manifest and tag name; None if in nothing.

    With the version's `tags` it is compared with those too, and `at_first` also in what may be
    renewed later.

    Raises:
        OSError: a file of it is missing or cannot be read.
    """
    return (
        seal.damage(folder / "src", folder)
        or seal.tag_damage(folder, tag)
        or (None if tags is None else difference(folder, tags, at_first))
    )


def difference(folder: Path, tags: dict[str, str], at_first: bool = False) -> str | None:
    """Return in what a Bento is another than its version's tags name; None if in nothing.

    Raises:
        OSError: a file of it is missing or cannot be read.
    """
    try:
        record = parse_strict((folder / RECORD).read_bytes())
    except ValueError:
        return f"{RECORD.removeprefix('src/')} cannot be read"
    if not isinstance(record, dict):
        return f"{RECORD.removeprefix('src/')} cannot be read"
    for key in (*SAID, *(SAID_AT_FIRST if at_first else ())):
        if key in tags and record.get(key) != tags[key]:
            file = "model.ubj" if key == "model_md5" else "release.json"
            what = "model" if key == "model_md5" else key
            return f"release/{file} is not the {what} that the registry names"
    for key in ("threshold", "tolerance"):
        if key in tags and not _is_number(record.get(key), tags[key]):
            return f"release/release.json has not the {key} that the registry names"
    for key, name in {**FILES, **(AT_FIRST if at_first else {})}.items():
        if key in tags and _md5(_place(folder, name)) != tags[key]:
            return f"{name.removeprefix('src/')} is another than the registry's {key}"
    try:
        whole = definition.read(tags)
    except StageError as error:
        return str(error)
    for name, wanted in whole.items():
        if name.startswith(CARRIED) and _md5(folder / name) != wanted:
            return f"{name.removeprefix('src/')} is another than the registry's {definition.HASH}"
    return None


def _is_number(found: Any, text: str) -> bool:
    try:
        return type(found) in (int, float) and float(found) == float(text)
    except (ValueError, OverflowError):
        return False


def _place(folder: Path, name: str) -> Path:
    older = folder / BEFORE.get(name, name)
    return older if older.is_file() and not (folder / name).is_file() else folder / name


def _md5(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
