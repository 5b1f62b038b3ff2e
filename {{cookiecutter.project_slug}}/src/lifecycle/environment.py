"""The environment that a command is about: where its state lies, and who may ask its service."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from lifecycle.command import StageError
from lifecycle.files import read_json, write_json

LONGEST_FOLDER = 75
PLAIN = re.compile(r"[A-Za-z0-9/._-]+")
ENVIRONMENTS = ("development", "staging", "production")


def current() -> str:
    """Return the environment that LIFECYCLE_ENVIRONMENT names, development where it names none.

    Raises:
        StageError: it is none of the three.
    """
    name = os.environ.get("LIFECYCLE_ENVIRONMENT") or "development"
    if name not in ENVIRONMENTS:
        raise StageError(f"{name} is no environment: say ENV={' or ENV='.join(ENVIRONMENTS)}")
    return name


def folder(root: Path, environment: str) -> Path:
    """Return where everything about one environment's deployment is written."""
    return root / ".lifecycle" / environment


def sockets(root: Path, environment: str) -> Path:
    """Return a private folder for sockets, made if need be.

    Its name is short, as a socket's path may have 107 characters, and plain, as the proxy has it
    in its configuration.
    """
    note = _note(root, environment)
    if note is not None and note["root"] == str(root.resolve()) and Path(note["folder"]).is_dir():
        return Path(note["folder"])
    made = folder(root, environment).resolve() / "sockets"
    if len(str(made)) > LONGEST_FOLDER or not PLAIN.fullmatch(str(made)):
        # Its name cannot be guessed, and nobody else may look into it.
        made = Path(tempfile.mkdtemp(prefix="lifecycle-"))
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json(
        folder(root, environment) / "sockets.json",
        {"folder": str(made), "root": str(root.resolve())},
    )
    return made


def known_sockets(root: Path, environment: str) -> Path | None:
    """Return where the sockets of what runs for an environment are, None where nothing does.

    Unlike `sockets` it makes nothing: whoever only looks leaves no trace.
    """
    note = _note(root, environment)
    if note is None or note["root"] != str(root.resolve()):
        return left_behind(root, environment)
    return Path(note["folder"])


def _note(root: Path, environment: str) -> dict[str, str] | None:
    path = folder(root, environment) / "sockets.json"
    found: dict[str, str] | None = read_json(path) if path.is_file() else None
    return found


def left_behind(root: Path, environment: str) -> Path | None:
    """Return where the sockets of processes are that run for this folder under its old name.

    A folder that was moved takes them along; one that was copied has nothing that runs.
    """
    note = _note(root, environment)
    if note is None or note["root"] == str(root.resolve()):
        return None
    inside = folder(root, environment) / "sockets"
    if inside.is_dir():
        return inside
    return None if Path(note["root"]).exists() else Path(note["folder"])
