"""A command that fails, so that the record of it can be looked for."""

from __future__ import annotations

import pytest

from lifecycle.core.command import run


def stop(command: str, error: Exception) -> None:
    """Let a command fail."""

    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        run(command, main)
    assert stopped.value.code == 1
