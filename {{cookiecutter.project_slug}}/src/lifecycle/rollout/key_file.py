"""The files of keys that the workers follow, written from what API_KEYS and LOG_HASH_KEY give."""

from __future__ import annotations

import os
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text
from lifecycle.contract.privacy import LONGEST_KEY, file_key
from lifecycle.serving.keys import given_keys, keys_of


def update(path: Path, mode: int) -> bool:
    """Write the keys of API_KEYS into `path`, in one step; say whether they changed.

    Raises:
        StageError: none is given, and none was ever given before, or one cannot be a key, or what
            is given has none: whoever typed that wanted other keys than those of before.
    """
    given = given_keys()
    if not given and os.environ.get("API_KEYS"):
        raise StageError(
            "API_KEYS names no key",
            "set it to one or more keys with commas between, or leave it out, and the keys stay "
            "what they are",
        )
    if not given:
        if path.is_file() and keys_of(path):
            return False
        raise StageError(
            "no API key is configured", "set API_KEYS to one or more keys with commas between"
        )
    text = "".join(f"{key}\n" for key in given)
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_text(path, text, mode)
    return True


def update_hash_key(path: Path, mode: int) -> bool:
    """Write the key of LOG_HASH_KEY, if it is given, into `path`; say whether it changed.

    Raises:
        StageError: it is longer than a hash can use, or has several lines.
    """
    given = os.environ.get("LOG_HASH_KEY", "")
    if not given or (path.is_file() and path.read_bytes() == f"{given}\n".encode()):
        return False
    try:
        is_whole = file_key(f"{given}\n".encode()) == given.encode()
    except ValueError:
        is_whole = False
    if not is_whole or "\n" in given or "\r" in given:
        raise StageError(f"LOG_HASH_KEY is longer than {LONGEST_KEY} bytes or than a line", "set a "
                         "shorter one")  # fmt: skip
    write_text(path, f"{given}\n", mode)
    return True


def require_hash_key(path: Path) -> None:
    """Let through only the hash key that the service has, or none.

    Raises:
        StageError: LOG_HASH_KEY is another one, with which nothing that it logs would join.
    """
    given = os.environ.get("LOG_HASH_KEY", "")
    if given and path.is_file() and path.read_bytes() != f"{given}\n".encode():
        raise StageError("LOG_HASH_KEY is not the key that the service hashes with: leave it out, "
                         "or run `make deploy` with it first")  # fmt: skip
