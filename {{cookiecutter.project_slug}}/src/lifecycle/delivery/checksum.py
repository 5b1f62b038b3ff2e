"""Checksum says whether a bundle is the one that was built, by its SHA-256, before it is used.

The hash comes another way than the file: as an output of the job that made it, or, of an earlier
release, from its tag. Nothing here needs the project's environments: any Python will do.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.seal import sha256

VARIABLE = "BUNDLE_SHA256"
FORM = re.compile(r"[0-9a-f]{64}")


def named(variable: str = VARIABLE) -> str:
    """Return the hash that a variable names; nothing where there is no such variable.

    Raises:
        StageError: it is set, and to no SHA-256: what should have said the hash said nothing.
    """
    value = os.environ.get(variable)
    if value is None or FORM.fullmatch(value):
        return value or ""
    raise StageError(f"{variable}={value} is no SHA-256, 64 hexadecimal digits: leave the variable "
                     "out where no hash is known")  # fmt: skip


def require(path: Path, wanted: str) -> None:
    """Stop unless a file has the SHA-256 `wanted`.

    Raises:
        StageError: it is missing, or has another.
    """
    if not path.is_file():
        raise StageError(
            f"{path} is missing", "say which bundle, BUNDLE=file (`make bundle` packs)"
        )
    if (found := sha256(path)) != wanted:
        raise StageError(f"{path} has the SHA-256 {found}, not {wanted}: not what was built")


def main(given: argparse.Namespace) -> None:
    """Check a bundle against the hash that BUNDLE_SHA256 names."""
    path, wanted = given.bundle, named()
    if not wanted:
        raise StageError(f"say which hash it must have: {VARIABLE}=... make checksum BUNDLE={path}")
    require(path, wanted)
    print(f"checksum: {path} is what was built, SHA-256 {wanted}")
