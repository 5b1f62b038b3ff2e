"""Fetching brings a source's files into a folder as they are, and a query's rows as Parquet."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core.source_settings import FileSource, Known, SqlSource
from lifecycle.sources import address, files

AGAIN = "type the same again"


def fetch(settings: Known, folder: Path, root: Path) -> None:
    """Fill an empty folder; paths are relative to `root`, the project's folder.

    Raises:
        StageError: it cannot be had, was cut off, changed meanwhile, or is not what params.yaml
            says that it is.
    """
    place = address.of(settings)
    if isinstance(settings, SqlSource):
        from lifecycle.sources import database

        database.fetch(place, settings.query, folder / files.ROWS, root)
        return
    scheme = address.split(place).scheme
    if scheme in address.WEB:
        from lifecycle.sources import web

        web.fetch(place, folder, settings.kind)
    elif scheme == address.BUCKET:
        from lifecycle.sources import bucket

        bucket.fetch(place, folder, settings.kind)
    elif "://" in place:
        raise StageError(f"data.source: {scheme}:// is read from nowhere",
                         "give a path, https:// or s3://")  # fmt: skip
    else:
        _copy_all(place, folder, settings.kind, root)
    _check(settings, folder)


def checksum(folder: Path) -> str:
    """Return the SHA-256 of a file; of several, that of the list that `sha256sum` prints."""
    found = [(path.relative_to(folder).as_posix(), _sha256(path)) for path in files.inside(folder)]
    if len(found) == 1:
        return found[0][1]
    return hashlib.sha256("".join(f"{one}  {name}\n" for name, one in found).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _check(settings: FileSource, folder: Path) -> None:
    """Refuse files that are others than those that params.yaml pins."""
    if settings.sha256 is None:
        return
    found = checksum(folder)
    if found != settings.sha256:
        raise StageError(
            "the source has changed: its SHA-256 is not data.source.sha256 of params.yaml",
            f"look at it; to take it as it is now write sha256: {found}, or leave sha256 out",
        )


def _copy_all(place: str, folder: Path, kind: str, root: Path) -> None:
    whole = root / Path(place).expanduser()
    if whole.is_dir():
        base, found = whole, files.of_kind(whole, kind)
    elif whole.exists():
        base, found = whole.parent, [whole]
    elif address.is_pattern(place):
        base = root / Path(address.fixed(place)).expanduser()
        wanted = set(base.glob(place[len(address.fixed(place)) :].lstrip("/")))
        found = [path for path in files.inside(base) if path in wanted]
        if not found:
            raise StageError(
                f"no file is called like {place}", "see data.source.path of params.yaml"
            )
    else:
        raise StageError(f"{place} is missing", "see data.source.path of params.yaml")
    for path in found:
        target = folder / path.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(path, target)


def _copy(path: Path, target: Path) -> None:
    """Copy a file that stays what it is meanwhile."""
    if not path.is_file():
        raise StageError(f"{path} is no file", "see data.source.path of params.yaml")
    before = path.stat()
    shutil.copyfile(path, target)
    after = path.stat()
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not same or target.stat().st_size != before.st_size:
        raise StageError(f"{path} changed while it was read", f"{AGAIN} when it is written")


def names(place: str, root: Path) -> list[str]:
    """Return the names of the files that an address stands for, before they are fetched."""
    scheme = address.split(place).scheme
    if scheme == address.BUCKET:
        from lifecycle.sources import bucket

        return bucket.names(place)
    if "://" in place or not (root / Path(place).expanduser()).is_dir():
        return [place]
    return [path.name for path in files.inside(root / Path(place).expanduser())]
