"""Why a release does not start, as a record: who started it reads that, not what was logged.

Only where REFUSAL_FILE says where to write it; a Bento of before leaves none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_state, write_json

VARIABLE = "REFUSAL_FILE"


@contextmanager
def recorded() -> Iterator[None]:
    """Write down the error that ends the block, or the function that this decorates."""
    try:
        yield
    except Exception as error:
        said = str(error) if isinstance(error, StageError) else f"{type(error).__name__}: {error}"
        if path := os.environ.get(VARIABLE):
            with suppress(OSError, StageError):  # where the disk is full the log has it alone
                write_json(Path(path), {"reason": said})
        raise


def read(path: Path) -> str | None:
    """Return the reason that was written down; None where there is none."""
    found = read_state(path) or {}
    return found.get("reason")
