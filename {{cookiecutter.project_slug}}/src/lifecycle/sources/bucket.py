"""Files from s3://, and from whatever speaks its protocol.

Credentials, region and endpoint come from the variables and files that Amazon's own tools read
(AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL, ...).
"""

from __future__ import annotations

import fnmatch
import os
import shutil
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pyarrow import fs

from lifecycle.contract.errors import StageError
from lifecycle.sources import address
from lifecycle.sources.files import kind_by_name

SECONDS = 30.0
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


def fetch(place: str, folder: Path, kind: str) -> None:
    """Download an object, all below a folder that are of a kind, or those that are named alike.

    Raises:
        StageError: there is none, or the store refuses.
    """
    path = place.partition("://")[2].rstrip("/")
    try:
        store = _store()
        base, found = _found(store, path, kind)
        if not found:
            raise StageError(f"{place} names no object of kind {kind}",
                             "see data.source.path of params.yaml")  # fmt: skip
        for one in found:
            target = folder / PurePosixPath(one.path).relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            _download(store, one, target)
    except (OSError, ValueError) as error:
        raise StageError(f"{place} could not be fetched: {_said(error)}") from None


def names(place: str) -> list[str]:
    """Return the names of the objects below an address.

    Raises:
        StageError: the store refuses.
    """
    path = place.partition("://")[2].rstrip("/")
    try:
        found = _store().get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
    except (OSError, ValueError) as error:
        raise StageError(f"{place} could not be read: {_said(error)}") from None
    return [one.path for one in found]


def _store() -> Any:
    return fs.S3FileSystem(request_timeout=SECONDS, connect_timeout=SECONDS, **_endpoint())


def _endpoint() -> dict[str, Any]:
    named = next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), None)
    if named is None:
        return {}
    parts = urlsplit(named)
    return {"endpoint_override": parts.netloc.rpartition("@")[2], "scheme": parts.scheme}


def _found(store: Any, path: str, kind: str) -> tuple[str, list[Any]]:
    """Return the folder that names are relative to, and the objects."""
    if address.is_pattern(path):
        base = address.fixed(path)
        below = store.get_file_info(fs.FileSelector(base, recursive=True))
        return base, _sorted([one for one in below if _is_like(one.path, path)])
    info = store.get_file_info(path)
    if info.type == fs.FileType.File:
        return str(PurePosixPath(path).parent), [info]
    below = store.get_file_info(fs.FileSelector(path, recursive=True))
    return path, _sorted([one for one in below if kind_by_name(one.path) == kind])


def _sorted(found: list[Any]) -> list[Any]:
    return sorted((one for one in found if one.type == fs.FileType.File), key=lambda one: one.path)


def _is_like(path: str, pattern: str) -> bool:
    if "**" in pattern:
        return fnmatch.fnmatchcase(path, pattern.replace("**/", "*"))
    parts, wanted = path.split("/"), pattern.split("/")
    alike = (fnmatch.fnmatchcase(*pair) for pair in zip(parts, wanted, strict=False))
    return len(parts) == len(wanted) and all(alike)


def _download(store: Any, found: Any, target: Path) -> None:
    with store.open_input_stream(found.path) as stream, target.open("wb") as handle:
        shutil.copyfileobj(stream, handle, 1 << 20)
    now = store.get_file_info(found.path)
    if target.stat().st_size != found.size or (now.size, now.mtime) != (found.size, found.mtime):
        raise StageError(f"s3://{found.path} changed while it was read", "type the same again")


def _said(error: Exception) -> str:
    """Return the reason in one line, without what opens the store."""
    said = str(error).splitlines()[0]
    for value in filter(None, map(os.environ.get, SECRETS)):
        said = said.replace(value, "***")
    return said
