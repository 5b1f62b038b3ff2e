"""The file of API keys that the workers follow, written from what API_KEYS gives."""

from __future__ import annotations

from pathlib import Path

from lifecycle.command import StageError
from lifecycle.keys import given_keys, keys_of


def update(path: Path, mode: int) -> bool:
    """Write the keys of API_KEYS into `path`, in one step; say whether they changed.

    Raises:
        StageError: none is given, and none was ever given before, or one cannot be a key.
    """
    given = given_keys()
    if not given:
        if path.is_file() and keys_of(path):
            return False
        raise StageError(
            "no API key is configured: set API_KEYS to one or more keys with commas between"
        )
    text = "".join(f"{key}\n" for key in given)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    part = path.with_name(f".{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(text, encoding="utf-8")
    part.chmod(mode)
    part.replace(path)
    return True
