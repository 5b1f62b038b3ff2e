"""The manifest of a Bento: the hash of every file, written when it is packaged.

What does not match it does not serve: deploy looks before it starts a worker, and the worker looks
once more before it loads anything. Nothing here imports more than the standard library.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import parse_strict, write_json

MANIFEST = "manifest.json"
# Python writes them beside the code that it imports. A worker reads none of them, and writes none.
CACHES = "__pycache__"
# The variable by which a worker is told the tag of its Bento.
NAMED = "BENTO_TAG"
# Added after the Bento's hash is taken: which rows they are depends on the data at hand, which is
# no part of what the tag names.
SMOKE = "release/smoke.json"
# Where BentoML puts the lock that was staged.
LOCK = "env/python/requirements.txt"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def hashes(folder: Path, *, caches: bool = False) -> dict[str, str]:
    """Return the hash of every file below a folder, also of `caches`; no plain file has none."""
    found = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if caches or name != CACHES]
        links = [name for name in folders if Path(place, name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(place, name)
            plain = path.is_file() and not path.is_symlink()
            found[path.relative_to(folder).as_posix()] = sha256(path) if plain else "no plain file"
    return found


def tag_hash(staged: dict[str, str]) -> str:
    """Return the part of a Bento's tag that names its content."""
    lines = (f"{name} {content}\n" for name, content in sorted(staged.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:8]


def write(source: Path, around: Path | None = None) -> None:
    """Seal a Bento's `src`, and with `around` the whole of the Bento that it belongs to."""
    write_json(source / MANIFEST, _found(source, around))


def _found(source: Path, around: Path | None) -> dict[str, Any]:
    # Where a Bento is served by others, as in an image, Python's own caches are in it.
    files = hashes(source, caches=around is not None)
    files.pop(MANIFEST, None)
    inside = f"{source.relative_to(around).as_posix()}/" if around else ""
    others = hashes(around, caches=True) if around else {}
    return {
        "files": files,
        "around": {name: one for name, one in others.items() if not name.startswith(inside)},
    }


def damage(source: Path, around: Path | None = None) -> str | None:
    """Return what differs from the manifest in `src`, with `around` in the Bento; None if nothing.

    An image has only the Bento's `src` as it was: there nothing is asked about what is around it.
    """
    path = source / MANIFEST
    try:
        kept = parse_strict(path.read_bytes())
        wanted = {part: dict(kept[part]) for part in ("files", "around")}
    except FileNotFoundError:
        return f"{path.name} is missing"
    except (OSError, ValueError, TypeError, KeyError):
        return f"{path.name} cannot be read"
    found = _found(source, around)
    for part in ("files", "around") if around else ("files",):
        for name in sorted(wanted[part].keys() | found[part].keys()):
            if name not in found[part]:
                return f"{name} is missing"
            if name not in wanted[part]:
                return f"{name} was added"
            if wanted[part][name] != found[part][name]:
                return f"{name} is another"
    return None


def require(source: Path) -> None:
    """Stop a service whose own files are not as they were packaged, or not those of its tag.

    Its manifest can be written anew with all else; the tag that it is told is kept elsewhere.

    Raises:
        StageError: what differs.
    """
    tag = os.environ.get(NAMED)
    try:
        found = damage(source) or (tag_damage(source.parent, tag) if tag else None)
    except OSError as error:
        found = f"it cannot be read ({error})"
    if found:
        raise StageError(f"this Bento is not as it was packaged: {found}")


def tag_damage(folder: Path, tag: str) -> str | None:
    """Return in what a Bento differs from its tag, which holds for what was staged; None if not."""
    source = folder / "src"
    staged = {name: one for name, one in hashes(source).items() if name not in (MANIFEST, SMOKE)}
    staged["requirements.txt"] = sha256(folder / LOCK)
    name, _, rest = tag.partition(":")
    version, _, content = rest.rpartition("-")
    if tag_hash(staged) != content:
        return "its files are not those that its tag names"
    try:
        facts = parse_strict((source / "release/release.json").read_bytes())
        named, number, whose = facts["model_md5"], facts["model_version"], facts["name"]
    except (ValueError, TypeError, KeyError):
        return "release/release.json cannot be read"
    with (source / "release/model.ubj").open("rb") as model:
        made = hashlib.file_digest(model, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if number != version or named != made:
        return "release/model.ubj is not the model of its release record"
    return None if whose == name else "release/release.json is of another name"


def forget_caches(folder: Path) -> None:
    """Remove compiled code, which the manifest knows nothing of."""
    import shutil

    for cache in folder.rglob(CACHES):
        shutil.rmtree(cache, ignore_errors=True)
