"""Where Bentos are, which one should serve, and the environment in which they run.

Nothing here imports more than the standard library: `serve` asks it before it does any work.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from lifecycle.contract import seal
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_state, write_json
from lifecycle.records import named

# Nothing else ever becomes part of a path: BentoML's name, the version's number, what is in it.
TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}:[1-9][0-9]{0,8}-[0-9a-f]{8}")
SWITCHES = {
    # Waiting OpenMP threads that spin cost more than they give on shared cores.
    "OMP_WAIT_POLICY": "PASSIVE",
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
}


@dataclass(frozen=True)
class Released:
    """The Bento that should serve, and the model version in it."""

    tag: str
    version: int


def home(root: Path) -> Path:
    """Return the project's own BENTOML_HOME."""
    return (root / ".bentoml").resolve()


def folder(root: Path, tag: str) -> Path:
    """Return where the Bento `tag` is, or would be.

    Raises:
        StageError: no Bento can have that tag.
    """
    if not TAG.fullmatch(tag):
        raise StageError(f"{tag!r:.80} is no tag of a Bento, which is name:version-hash")
    name, _, version = tag.partition(":")
    return home(root) / "bentos" / name / version


def release_folder(root: Path, tag: str) -> Path:
    """Return the release folder (model, schema, facts, smoke request) of a Bento."""
    return folder(root, tag) / "src" / "release"


def point_to(root: Path, released: Released) -> None:
    """Write down which Bento should serve."""
    write_json(root / ".lifecycle" / "released.json", asdict(released))


def last(root: Path) -> Released | None:
    """Return the Bento that should serve, or None where nothing was packaged or it is gone."""
    noted = read_state(root / ".lifecycle" / "released.json") or {}
    tag, version = noted.get("tag"), noted.get("version")
    if not isinstance(tag, str) or type(version) is not int:
        return None
    return Released(tag, version) if is_here(root, tag) else None


def is_here(root: Path, tag: str) -> bool:
    """Say whether there is a Bento of this name, which may be no name of one."""
    try:
        return (folder(root, tag) / "bento.yaml").is_file()
    except StageError:
        return False


def released(root: Path) -> Released:
    """Return the Bento that should serve.

    Raises:
        StageError: nothing was packaged here, or the Bento is gone or is not as it was packaged.
    """
    found = last(root)
    if found is None:
        raise StageError("there is no Bento of the champion here", "run `make release`")
    require(root, found.tag)
    return found


def damage(root: Path, tag: str, tags: dict[str, str] | None = None) -> str | None:
    """Return in what a Bento is not as it was packaged, or not the registry's; None if in nothing.

    `tags` are those that its version has in the registry. Some megabytes are read for it, which
    takes milliseconds.
    """
    place = folder(root, tag)
    if not (place / "bento.yaml").is_file():
        return "it is gone"
    try:
        return named.damage(place, tag, tags)
    except OSError as error:
        return f"it cannot be read ({error})"


def require(root: Path, tag: str, tags: dict[str, str] | None = None) -> None:
    """Let through only a Bento that is as it was packaged, and what its version's tags name.

    Compiled code in it, which no worker reads, is removed.

    Raises:
        StageError: what differs, and what to type.
    """
    seal.forget_caches(folder(root, tag))
    if found := damage(root, tag, tags):
        raise StageError(
            f"the Bento {tag} is not what was packaged ({found}), so it does not serve",
            "run `make release`, which packages it again, or `make receive`",
        )


def packaged(root: Path) -> dict[str, str]:
    """Return the tag of the Bento that was packaged last of each version.

    What its note does not have, as it was lost or broken, the Bentos that are here say themselves.
    """
    noted = read_state(root / ".lifecycle" / "packaged.json") or {}
    tags = {
        version: tag
        for version, tag in noted.items()
        if isinstance(tag, str) and TAG.fullmatch(tag)
    }
    return {**{str(one.version): one.tag for one in _found(root)}, **tags}


def _found(root: Path) -> list[Released]:
    """Return the Bentos that are here, the newest last."""
    places = sorted((home(root) / "bentos").glob("*/*/bento.yaml"), key=lambda p: p.stat().st_mtime)
    found = []
    for place in places:
        facts = read_state(place.parent / "src" / "release" / "release.json") or {}
        if str(facts.get("model_version")).isdecimal():
            tag = f"{place.parents[1].name}:{place.parent.name}"
            found.append(Released(tag, int(facts["model_version"])))
    return found


def of_program(root: Path, program: str) -> Released | None:
    """Return the Bento whose worker has this name."""
    return next((one for one in _found(root) if one.tag.partition(":")[2] == program), None)


def remember(root: Path, made: Released) -> None:
    """Write down which Bento was packaged last of a version."""
    tags = {**packaged(root), str(made.version): made.tag}
    write_json(root / ".lifecycle" / "packaged.json", tags)


def of_version(root: Path, version: int) -> Released:
    """Return the Bento that was packaged last of a version.

    Raises:
        StageError: there is none here.
    """
    tag = packaged(root).get(str(version))
    if tag is None or not (folder(root, tag) / "bento.yaml").is_file():
        raise StageError(f"there is no Bento of version {version} here", "run `make release`")
    return Released(tag, version)


def python(root: Path) -> str:
    """Return the interpreter of the serving environment of today's lock.

    Raises:
        StageError: there is none.
    """
    lock = (root / "requirements" / "serving.txt").read_bytes()
    path = Path(os.environ.get("SERVING_PYTHON") or _python_for(root, lock))
    if not path.is_file():
        raise StageError(f"the serving environment is missing ({path})", "run `make setup`")
    return str(path)


def python_of(root: Path, tag: str) -> str:
    """Return the interpreter of the environment that a Bento was made with, else today's.

    Raises:
        StageError: there is neither.
    """
    lock = folder(root, tag) / "env" / "python" / "requirements.txt"
    own = _python_for(root, lock.read_bytes())
    return str(own) if own.is_file() else python(root)


def _python_for(root: Path, lock: bytes) -> Path:
    """Return where `make setup` puts the environment of a lock: named as git names its content."""
    name = hashlib.sha1(b"blob %d\0" % len(lock) + lock, usedforsecurity=False).hexdigest()[:12]
    return root / ".venv-serving" / name / "bin" / "python"


def environment(root: Path, source: Path, **more: str) -> dict[str, str]:
    """Return the variables of a process in the serving environment, with `source` to import."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    place = {"BENTOML_HOME": str(home(root)), "PYTHONPATH": str(source)}
    return {**inherited, **SWITCHES, **place, **more}
