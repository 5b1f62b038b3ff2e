"""Receive takes in a bundle: its Bento, and its version in the registry as challenger.

Everything that it says of itself is checked first, in a folder of its own; then the Bento is moved
to its place, and the registry is touched last. A version that is here already is never changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from lifecycle.contract import seal
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import move
from lifecycle.core import environment
from lifecycle.core.params import Params
from lifecycle.delivery.claimed_bento import require_bento
from lifecycle.delivery.claims import Facts, read_facts, require_lineage
from lifecycle.records import bento, history, received, registry, store, verdict
from lifecycle.records.deployment import Deployment
from lifecycle.records.registry import Version
from lifecycle.records.unpack import BENTO, FACTS, BundleError, unpack
from lifecycle.release.package import settle

# Numbers are counted up one by one; nobody is so many releases behind.
AHEAD = 1_000
# What differs when the same model is released anew: commits have times, and so has what was judged.
ANEW = ("git_commit", "gate_md5")


def receive(
    root: Path, params: Params, path: Path, wanted: str = "",
    accept: Callable[[int], None] = lambda _: None,
) -> bento.Released:  # fmt: skip
    """Take in a bundle, if `accept` raises nothing at its number.

    Raises:
        StageError: it is missing, not the file with the SHA-256 `wanted`, no bundle of this
            project, or of a version that may not serve; nothing has changed then.
    """
    if not path.is_file():
        raise StageError(
            f"{path} is missing", "say which bundle, BUNDLE=file (`make bundle` packs)"
        )
    with path.open("rb") as raw, _scratch(bento.home(root)) as scratch:
        if wanted:
            _require_hash(path, raw, wanted)
        try:
            unpack(raw, scratch, int(max(10, params.gate.size.maximum_megabytes) * 10**6))
            facts = read_facts(scratch / FACTS)
            require_lineage(root, facts)
            require_bento(scratch / BENTO, facts)
        except (BundleError, ValueError) as error:
            raise StageError(
                f"{path} is no bundle: `make bundle` packs one ({verdict.short(error)})"
            ) from None
        except OSError as error:
            raise StageError(f"{path} cannot be unpacked: {error.strerror}") from None
        if facts.name != params.project.name:
            raise StageError(f"{path} is a bundle of {verdict.short(facts.name)}, "
                             f"not {params.project.name}")  # fmt: skip
        accept(facts.version)
        is_new = _require_version(root, params, facts)
        released = facts.released if is_new else _here(root, params, facts) or facts.released
        if released == facts.released:
            is_new = _place(scratch, bento.folder(root, facts.tag), facts) or is_new
        _settle(root, params, facts, released)
    if not is_new:
        print(f"receive: version {released.version} ({released.tag}) is here already, as it is")
    return released


@contextmanager
def _scratch(home: Path) -> Iterator[Path]:
    """Give a folder beside the Bentos that is gone afterwards."""
    home.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".receiving-", dir=home) as temporary:
            yield Path(temporary)
    finally:
        # Only where it was made for this.
        with contextlib.suppress(OSError):
            home.rmdir()


def _require_hash(path: Path, raw: BufferedReader, wanted: str) -> None:
    found = hashlib.file_digest(raw, "sha256").hexdigest()
    raw.seek(0)
    if found != wanted:
        raise StageError(
            f"{path} has the SHA-256 {found}, not {verdict.short(wanted)}: not what was built"
        )


def _require_version(root: Path, params: Params, facts: Facts) -> bool:
    """Return whether the version is new here; one that is here is never changed. Reads only.

    Raises:
        StageError: the number is taken by something else, or cannot be given.
    """
    released = {one.number: one.lineage for one in history.released(root)}
    known = {one.number: one.tags for one in _registered(root, params)}
    number, newest = facts.version, max([0, *released, *known])
    for tags in (released.get(number), None if _is_free(root, number) else known.get(number)):
        differ = [] if tags is None else _differing(tags, facts.lineage)
        if differ:
            raise StageError(
                f"version {number} is here already with another {', '.join(differ[:3])}, and a "
                "version is never changed: only one that was rolled back here may come otherwise"
            )
    if number in released or number in known:
        return False
    if not store.is_local(root):
        raise StageError(f"the shared registry has no version {number}: was it released there?")
    if number > newest + AHEAD or number < max([0, *known]):
        raise StageError(f"version {number} is none of this registry, which counts on from "
                         f"{newest}: a bundle of another project?")  # fmt: skip
    return True


def _here(root: Path, params: Params, facts: Facts) -> bento.Released | None:
    """Return the Bento of the version where it is here and another than the bundle's: it stays.

    Released anew, a version has another commit, and so another tag. Nothing of that is taken.

    Raises:
        StageError: the bundle holds another Bento of what is the same version in everything.
    """
    tag = bento.packaged(root).get(str(facts.version))
    if tag is None or tag == facts.tag or _is_free(root, facts.version):
        return None
    tags = _known(root, params, facts.version) or {}
    is_anew = any(tags.get(key) != facts.lineage[key] for key in ANEW)
    if not is_anew:
        raise StageError(
            f"version {facts.version} is here already as the Bento {verdict.short(tag)}, and a "
            f"version is never changed: the bundle holds {facts.tag}"
        )
    return bento.Released(tag, facts.version) if bento.damage(root, tag, tags) is None else None


def _known(root: Path, params: Params, number: int) -> dict[str, str] | None:
    """Return the tags that the registry, else git's history, has of a version."""
    registered = {one.number: one.tags for one in _registered(root, params)}
    released = {one.number: one.lineage for one in history.released(root)}
    return registered.get(number) or released.get(number)


def _differing(tags: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """Return what a version that is here has otherwise."""
    differ = [key for key, value in wanted.items() if tags.get(key) != value]
    anew = tags.get("model_md5") == wanted["model_md5"]
    # What says most comes first.
    return sorted((key for key in differ if not (anew and key in ANEW)), key=ANEW.__contains__)


def _registered(root: Path, params: Params) -> list[Version]:
    """Return what the registry has; asking would make one."""
    if store.is_local(root) and not (root / "mlflow.db").is_file():
        return []
    return registry.connect(root, params).all()


def _is_free(root: Path, number: int) -> bool:
    """Say whether a number may be given again: its rollout ended here, and nothing serves it.

    It was never released: the next release has its number again.
    """
    states = [Deployment(root, name).load() for name in environment.ENVIRONMENTS]
    serve = {one.version for state in states for one in (state.live, state.candidate) if one}
    ended = {state.last.version for state in states
             if state.last and state.last.outcome != "completed"}  # fmt: skip
    return number in ended - serve


def _place(scratch: Path, place: Path, facts: Facts) -> bool:
    """Move the Bento to its place; return whether it was not there.

    Raises:
        StageError: another one has its name.
    """
    if place.exists() and seal.damage(place / "src", place) is None:
        here, other = (_content(one) for one in (place, scratch / BENTO))
        if here != other:
            raise StageError(f"the Bento {facts.tag} is here already with other content, "
                             "and is never changed")  # fmt: skip
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(scratch / "damaged")
    move(scratch / BENTO, place)
    return True


def _content(place: Path) -> dict[str, str]:
    """Return the hashes of what serves: the same, though a Bento is built at another time."""
    files = seal.hashes(place / "src")
    return {name: one for name, one in files.items() if name != seal.MANIFEST}


def _settle(root: Path, params: Params, facts: Facts, released: bento.Released) -> None:
    history.restore(root, params)
    versions = registry.connect(root, params)
    known = {one.number: one.tags for one in versions.all()}.get(facts.version)
    is_other = known is None or bool(_differing(known, facts.lineage))
    received.keep(root, facts.version, facts.lineage if is_other else known or {}, facts.gate)
    if store.is_local(root) and is_other:
        versions.adopt(facts.version, facts.lineage)
    champion = versions.by_alias("champion")
    if champion is None or champion.number != facts.version:
        versions.set_alias("challenger", facts.version)
    settle(root, versions, released)
