"""Where a source is, and how it is called in front of people: without what opens it."""

from __future__ import annotations

import os
from urllib.parse import SplitResult, urlsplit

from lifecycle.contract.errors import StageError
from lifecycle.core.source_settings import FileSource, SqlSource

WEB, BUCKET = ("https", "http"), "s3"
# Of this machine, where nobody listens in between.
HERE = ("localhost", "127.0.0.1", "::1")
PATTERN = "*?["


def of(settings: FileSource | SqlSource) -> str:
    """Return the address of a source, out of the environment where that has it.

    Raises:
        StageError: the variable that should hold it is not set.
    """
    given = settings.url if isinstance(settings, SqlSource) else settings.path
    if given is not None:
        return given
    found = os.environ.get(str(settings.variable), "").strip()
    if not found:
        raise StageError(f"the variable {settings.variable} is not set, which data.source of "
                         "params.yaml names", f"export {settings.variable}=...")  # fmt: skip
    return found


def split(address: str) -> SplitResult:
    """Return the parts of an address.

    Raises:
        StageError: it is none. It is not shown: it may hold a password.
    """
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        said = "the address of data.source is none (it is not shown: it may hold a password)"
        raise StageError(said, "write signs as : / @ [ ] within a password as %..") from None
    return parts


def shown(address: str) -> str:
    """Return an address without user, password and query."""
    parts = split(address)
    host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else address


def is_pattern(text: str) -> bool:
    """Return whether a path means all files whose names are like it."""
    return any(sign in text for sign in PATTERN)


def fixed(pattern: str) -> str:
    """Return the folder that a pattern begins with."""
    before: list[str] = []
    for part in pattern.split("/")[:-1]:
        if is_pattern(part):
            break
        before.append(part)
    return "/".join(before)
