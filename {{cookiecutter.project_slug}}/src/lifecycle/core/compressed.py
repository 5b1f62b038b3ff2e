"""Files as a stream of bytes, unpacked where they are compressed: known by how they begin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

# How a file begins that is compressed.
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def compression(path: Path) -> str | None:
    """Return how a file is compressed; None where it is not."""
    with path.open("rb") as handle:
        start = handle.read(4)
    return next((name for mark, name in MAGIC.items() if start.startswith(mark)), None)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file to be read once, from its beginning to its end.

    What was cut off, or is damaged, raises an OSError where it is read.
    """
    packed = compression(path)
    # Opened by Python: Arrow would take what it cannot encode for another name.
    with path.open("rb") as handle:
        if packed is None:
            yield handle
            return
        with pa.CompressedInputStream(pa.PythonFile(handle, "r"), packed) as stream:
            yield stream
