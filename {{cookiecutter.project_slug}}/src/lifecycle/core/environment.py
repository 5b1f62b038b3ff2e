"""The environment that a command is about: where its state lies, and who may ask its service."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_state, write_json
from lifecycle.core.listening import HOLDER

SOCKETS = "sockets-"
ENVIRONMENTS = ("development", "staging", "production")


def current() -> str:
    """Return the environment that LIFECYCLE_ENVIRONMENT names, development where it names none.

    Raises:
        StageError: it is none of the three.
    """
    name = os.environ.get("LIFECYCLE_ENVIRONMENT") or "development"
    if name not in ENVIRONMENTS:
        raise StageError(f"{name} is no environment", f"say ENV={' or ENV='.join(ENVIRONMENTS)}")
    return name


def folder(root: Path, environment: str) -> Path:
    """Return where everything about one environment's deployment is written."""
    return root / ".lifecycle" / environment


def sockets(root: Path, environment: str) -> Path:
    """Return a private folder for sockets, made if need be.

    It is in the project's folder, where nothing clears it away, however long its name then is:
    see `socket_path`.
    """
    found = known_sockets(root, environment)
    if found is None:
        return new_sockets(root, environment)
    # The note may be what was lost.
    _note(found)
    return found


def new_sockets(root: Path, environment: str) -> Path:
    """Return another private folder for sockets: those of what runs stay what they are."""
    place = folder(root, environment).resolve()
    place.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=SOCKETS, dir=place))
    _note(made)
    return made


def _note(sockets: Path) -> None:
    path, note = sockets.parent / "sockets.json", {"folder": str(sockets)}
    if read_state(path) != note:
        write_json(path, note)


def known_sockets(root: Path, environment: str) -> Path | None:
    """Return where the sockets of what runs for an environment are, None where nothing does.

    Unlike `sockets` it makes nothing: whoever only looks leaves no trace.
    """
    place = folder(root, environment).resolve()
    noted = (read_state(place / "sockets.json") or {}).get("folder")
    if not isinstance(noted, str):
        # Lost or broken: where something runs, its sockets are there.
        used = [one for one in place.glob(f"{SOCKETS}*") if (one / "supervisor.sock").is_socket()]
        return used[0] if len(used) == 1 else None
    found = Path(noted)
    # What a folder that was copied or moved says is about another one.
    return found if found.parent == place and found.is_dir() else None


def clear_sockets(root: Path, environment: str, kept: Path | None = None) -> None:
    """Remove folders of sockets: all but `kept`."""
    place = folder(root, environment).resolve()
    for one in place.glob(f"{SOCKETS}*"):
        if one.is_dir() and one != kept:
            shutil.rmtree(one, ignore_errors=True)
    if kept is None:
        for name in ("sockets.json", HOLDER):
            (place / name).unlink(missing_ok=True)
