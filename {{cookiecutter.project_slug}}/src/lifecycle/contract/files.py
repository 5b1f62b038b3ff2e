"""Files that are whole or not there, and the hashes that name their content.

What has been written is with the disk before its name is: nothing that a command goes on from is
lost with the power.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifecycle.contract import reserve
from lifecycle.contract.errors import FULL, FULL_ADVICE, StageError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place when the block ends well.

    A crash leaves the old file as it was; a reader never sees half of the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        move(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """Give a file, or a folder with all that is in it, its name once it is with the disk.

    It takes the place of a file of that name; when this returns, the name is with the disk too.
    """
    if source.is_dir():
        for one in source.rglob("*"):
            if not one.is_symlink():
                sync(one)
    sync(source)
    source.replace(target)
    sync(target.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time into the block; the system opens the lock of one that died."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Take a lock if nobody has it, and say whether; it opens when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def write_text(path: Path, text: str, mode: int | None = None) -> None:
    """Write `text` to `path` in one step; with a `mode`, never readable by more than it says.

    Raises:
        StageError: there is no room, nor any set aside (see `reserve`).
    """
    try:
        for attempt in reserve.attempts(path):
            with attempt, replacing(path) as temporary:
                if mode is not None:
                    temporary.touch(0o600)
                temporary.write_text(text, encoding="utf-8")
                if mode is not None:
                    temporary.chmod(mode)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise StageError(f"{path} cannot be written, {FULL_ADVICE}") from None


def json_text(value: Any) -> str:
    """Return `value` as readable JSON, as every file has it; NaN and infinities are refused."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, in one step."""
    write_text(path, json_text(value))


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage wrote.

    Raises:
        StageError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path} is missing", "run `make pipeline`") from None
    except ValueError as error:
        raise StageError(f"{path} is no valid JSON ({error})", "run `make pipeline`") from None


def read_strict(path: Path) -> Any:
    """Read JSON that anybody may have written: UTF-8, each key once, no NaN, not too deep.

    Raises:
        ValueError: it is something else; what.
    """
    return parse_strict(path.read_bytes())


def parse_strict(content: bytes) -> Any:
    """Parse JSON that anybody may have written; see `read_strict`."""

    def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key is there twice")
        return found

    def no_number(name: str) -> None:
        raise ValueError(f"{name} is no number")

    def finite(text: str) -> float:
        if not math.isfinite(number := float(text)):
            raise ValueError("a number is out of range")
        return number

    try:
        # Of bytes, JSON's parser would guess the encoding.
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=each_once,
            parse_constant=no_number,
            parse_float=finite,
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read_state(path: Path) -> dict[str, Any] | None:
    """Return what a file of the machinery's own state holds; None where it is lost or broken.

    Whoever asks knows how to do without it, or how to find out anew.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def md5(path: Path) -> str:
    """Return the MD5 of a file's content: the name that DVC gives it, not a protection."""
    if not path.is_file():
        raise StageError(f"{path} is missing", "run `make pipeline`")
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def md5_of(content: bytes) -> str:
    """Return the MD5 of what a file holds; see `md5`."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
