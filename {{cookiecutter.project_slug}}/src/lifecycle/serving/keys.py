"""API keys: which ones open, and whether a request carries one of them."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.watched import Watched

LOOK_SECONDS = 0.5
# What every client can send as a header, and what API_KEYS and a file of keys can both hold:
# printable ASCII without space and comma.
KEY = re.compile(r"[!-+\--~]{1,256}")
RULE = "a key is 1 to 256 letters, digits and other signs of ASCII, without spaces and commas"


def require(keys: Sequence[str], source: str) -> list[str]:
    """Return the keys that `source` gives, each of which can be one; none is ever shown.

    Raises:
        StageError: which of them cannot, counted from 1.
    """
    for number, key in enumerate(keys, 1):
        if not KEY.fullmatch(key):
            raise StageError(f"key {number} of {len(keys)} in {source} cannot be one: {RULE}")
    return list(keys)


def given_keys(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the keys of API_KEYS; see `require` for what is raised."""
    given = (key.strip(" ") for key in environment.get("API_KEYS", "").split(","))
    return require([key for key in given if key], "API_KEYS")


def own_key(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the key that a client is to send, API_KEY; see `require` for what is raised."""
    given = environment.get("API_KEY")
    return require([given], "API_KEY")[0] if given else None


def keys_of(path: Path) -> list[str]:
    """Return the keys in a file, one a line; see `require` for what is raised."""
    return require(_lines(path.read_bytes()), str(path))


def _lines(content: bytes) -> list[str]:
    # Any byte is a character, so that no content is an error of another kind.
    lines = (line.strip(" \r") for line in content.decode("latin-1").split("\n"))
    return [line for line in lines if line]


def are_needed(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether a request must carry a key: everywhere but in development."""
    return environment.get("LIFECYCLE_ENVIRONMENT") != "development"


def environment_keys(environment: Mapping[str, str] = os.environ) -> list[bytes] | None:
    """Return the keys of API_KEYS, of which a request must carry one; None where none is needed.

    Raises:
        StageError: outside development, and no key is configured, or one that cannot be a key.
    """
    if not are_needed(environment):
        return None
    keys, place = given_keys(environment), environment.get("API_KEYS_FILE")
    if place:
        # One that cannot be read opens to nobody until it can.
        with suppress(OSError):
            keys_of(Path(place))
    if not keys and not place:
        raise StageError(
            "no API key is configured",
            "set API_KEYS to one or more keys with commas between, "
            "API_KEYS_FILE to a file with one a line, "
            "or LIFECYCLE_ENVIRONMENT=development to serve without",
        )
    return [key.encode() for key in keys]


def file_keys(content: bytes) -> list[bytes]:
    """Return the keys in a file: one a line.

    Raises:
        ValueError: one of them cannot be a key; the keys stay what they were.
    """
    try:
        return [key.encode() for key in require(_lines(content), "the file")]
    except StageError as error:
        raise ValueError(str(error)) from None


def is_known(given: bytes, keys: Sequence[bytes]) -> bool:
    """Compare with every key, whole, so that the time taken says nothing about any of them."""
    known = False
    for key in keys:
        known |= hmac.compare_digest(given, key)
    return known


class Keys:
    """The keys that open now: those of API_KEYS_FILE, which may change at any time, or API_KEYS.

    A file that is missing, empty or unreadable opens to nobody.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read the environment; see `environment_keys` for what is raised."""
        self._fixed = environment_keys(environment)
        self._file: Watched[list[bytes]] | None = None
        if self._fixed is not None and (place := environment.get("API_KEYS_FILE")):
            self._file = Watched(Path(place), LOOK_SECONDS, file_keys, [])

    @property
    def current(self) -> Sequence[bytes] | None:
        """The keys of which a request must carry one; None where none is needed."""
        return self._fixed if self._file is None else self._file.value
