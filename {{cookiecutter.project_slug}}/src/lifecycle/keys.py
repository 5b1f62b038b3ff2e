"""API keys: which ones open, and whether a request carries one of them."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lifecycle.command import StageError
from lifecycle.watched import Watched

LOOK_SECONDS = 0.5


def are_needed(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether a request must carry a key: everywhere but in development."""
    return environment.get("LIFECYCLE_ENVIRONMENT") != "development"


def environment_keys(environment: Mapping[str, str] = os.environ) -> list[bytes] | None:
    """Return the keys of API_KEYS, of which a request must carry one; None where none is needed.

    Raises:
        StageError: outside development, and no key is configured.
    """
    keys = [key.strip().encode() for key in environment.get("API_KEYS", "").split(",")]
    keys = [key for key in keys if key]
    if not are_needed(environment):
        return None
    if not keys and not environment.get("API_KEYS_FILE"):
        raise StageError(
            "no API key is configured: set API_KEYS to one or more keys with commas between, "
            "API_KEYS_FILE to a file with one a line, "
            "or LIFECYCLE_ENVIRONMENT=development to serve without"
        )
    return keys


def file_keys(content: bytes) -> list[bytes]:
    """Return the keys in a file: one a line."""
    return [line.strip() for line in content.splitlines() if line.strip()]


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
