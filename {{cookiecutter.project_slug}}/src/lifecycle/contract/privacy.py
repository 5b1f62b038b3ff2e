"""What of a record may be logged: columns marked private in schema.yaml are left out or hashed.

A feature derived from a private column is private as well and left out, and so is its share in an
explanation. A hash is keyed (BLAKE2b, RFC 7693, with LOG_HASH_KEY), so that nobody without the key
can find a value by trying; equal values of a column have equal hashes, so that labels still join.
`deploy` writes the key into LOG_HASH_KEY_FILE, which a worker follows: another is taken up while
it serves.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.features import names, origins
from lifecycle.contract.watched import Watched

HASH_BYTES, LONGEST_KEY = 16, 64
DEVELOPMENT_KEY = b"development"
# What a report says instead of a private value.
UNTOLD = "(private)"
LOOK_SECONDS = 0.5


def file_key(content: bytes) -> bytes:
    """Return the key in a file: all of it but the end of its line.

    Raises:
        ValueError: it is longer than the hash can use.
    """
    key = content.rstrip(b"\r\n")
    if len(key) > LONGEST_KEY:
        raise ValueError
    return key


def _given(environment: Mapping[str, str]) -> bytes:
    """Return the key of the file, else of the variable; empty where none is given."""
    if place := environment.get("LOG_HASH_KEY_FILE"):
        path = Path(place)
        if path.is_file() and (content := path.read_bytes().rstrip(b"\r\n")):
            return content
    return environment.get("LOG_HASH_KEY", "").encode()


def hash_key(schema: Schema, environment: Mapping[str, str] = os.environ) -> bytes:
    """Return the key of the hashes; empty where no column is hashed.

    Raises:
        StageError: a column is hashed, this is not development, and no key is set; or the key is
            longer than the hash can use.
    """
    hashed = [column.name for column in schema.columns if column.private == "hashed"]
    if not hashed:
        return b""
    key = _given(environment)
    if len(key) > LONGEST_KEY:
        raise StageError(f"LOG_HASH_KEY is longer than {LONGEST_KEY} bytes", "set a shorter one")
    if not key and environment.get("LIFECYCLE_ENVIRONMENT") != "development":
        raise StageError(
            f"the prediction log has hashes of {hashed[0]} (schema.yaml)",
            "set LOG_HASH_KEY to a secret, the same one wherever the log is written or joined with "
            "labels",
        )
    return key or DEVELOPMENT_KEY


def hashed(column: str, value: Any, key: bytes) -> str | None:
    """Return the keyed hash of a value of `column`; None stays None.

    A value has one form whether it comes from a request or from a file: datetimes and floats that
    are equal have equal hashes.
    """
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    content = f"{column}\0{text}".encode()
    return hashlib.blake2b(content, key=key, digest_size=HASH_BYTES).hexdigest()


def logged_columns(schema: Schema) -> list[str]:
    """Return the columns of a request that the log has, as they are or hashed."""
    return [name for name in schema.request if schema[name].private != "left_out"]


def logged_features(schema: Schema) -> list[str]:
    """Return the features that the log has: none that is computed from a private column.

    A hashed column that is a feature as it is stands there as its hash.
    """
    private = {column.name for column in schema.columns if column.private}
    behind = origins(schema)
    return [
        name
        for name in names(schema)
        if not behind[name] & private or (behind[name] == {name} and name in logged_columns(schema))
    ]


def private_features(schema: Schema) -> set[str]:
    """Return the features that are computed from a private column, even together with others."""
    private = {column.name for column in schema.columns if column.private}
    return {name for name, behind in origins(schema).items() if behind & private}


def shown(schema: Schema, name: str, value: Any) -> str:
    """Return a value of a column or feature as a report may name it.

    Of a private one only what schema.yaml itself lists is told: the names of its groups are known,
    and figures of a group are of nobody.
    """
    request = {column.name: column for column in schema.columns}
    if name not in request:
        return UNTOLD if name in private_features(schema) else str(value)
    column = request[name]
    told = not column.private or column.type == "boolean" or value in column.categories
    return str(value) if told else UNTOLD


class Privacy:
    """What may be logged of one schema's records."""

    def __init__(self, schema: Schema, environment: Mapping[str, str] = os.environ) -> None:
        """Find out once, but for the key; see `hash_key` for what is raised."""
        self._last = hash_key(schema, environment)
        place = environment.get("LOG_HASH_KEY_FILE")
        self._file = Watched(Path(place), LOOK_SECONDS, file_key, b"") if place else None
        self._is_open = not any(column.private for column in schema.columns)
        self._hashed = {column.name for column in schema.columns if column.private == "hashed"}
        self._columns, self._features = logged_columns(schema), logged_features(schema)

    @property
    def _key(self) -> bytes:
        """The key of now; the last one while its file is gone: never none."""
        if self._file is not None:
            self._last = self._file.value or self._last
        return self._last

    def received(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what of a record's columns may be logged."""
        return record if self._is_open else self._logged(record, self._columns)

    def computed(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what of a row's features may be logged."""
        return row if self._is_open else self._logged(row, self._features)

    def explained(self, contributions: Mapping[str, float]) -> Mapping[str, float]:
        """Return what of an explanation may be logged: nothing of a private feature."""
        if self._is_open:
            return contributions
        public = {"bias", *self._features} - self._hashed
        return {name: value for name, value in contributions.items() if name in public}

    def _logged(self, values: Mapping[str, Any], kept: list[str]) -> dict[str, Any]:
        key = self._key
        return {
            name: hashed(name, values[name], key) if name in self._hashed else values[name]
            for name in kept
            if name in values
        }
