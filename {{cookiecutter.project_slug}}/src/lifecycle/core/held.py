"""A lock that one command at a time holds, and a note of who that is for those who come second."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_state, try_lock, write_json
from lifecycle.core import process

# No system numbers its processes higher.
LARGEST = 2**31 - 1


def now() -> str:
    """Return this moment in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def user() -> str:
    """Return who runs this command: the user's name, the number where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return str(os.getuid())


class Held:
    """A lock file and the note beside it; the system opens the lock of a process that died."""

    def __init__(self, lock: Path, note: Path, subject: str, advice: str) -> None:
        """Keep where they are.

        Args:
            lock: The file that is locked.
            note: The file that says who has it.
            subject: What its holder changes, in the words of a message.
            advice: What the message tells whoever comes second to do.
        """
        self._lock, self._note, self._subject, self._advice = lock, note, subject, advice

    @contextlib.contextmanager
    def hold(self, what: str) -> Iterator[None]:
        """Let one command at a time into the block.

        Raises:
            StageError: another one is in it; who.
        """
        with try_lock(self._lock) as mine:
            if not mine:
                raise StageError(f"{self.holder()}: {self._advice}")
            mine_is = {"pid": os.getpid(), "started": process.started(os.getpid()), "what": what,
                       "since": now(), "by": user()}  # fmt: skip
            # Where the disk is full, whoever comes second is told less.
            with contextlib.suppress(StageError):
                write_json(self._note, mine_is)
            yield

    def holder(self) -> str:
        """Return who is in the block now, as a sentence."""
        found = self.holding()
        if found is None:
            return f"another command changes {self._subject}"
        return (f"{self._subject} is being changed by process {found['pid']} of {found['by']} "
                f"({found['what']}, since {found['since']})")  # fmt: skip

    def holding(self) -> dict[str, Any] | None:
        """Return the process that last took the lock, if it still runs."""
        found = read_state(self._note)
        if found is None or not {"pid", "started", "what", "since", "by"} <= found.keys():
            return None
        pid, started = found["pid"], found["started"]
        # Signals are sent to that number: nothing else may stand there, as true or -1 would.
        if type(pid) is not int or not 0 < pid <= LARGEST or type(started) not in (int, float):
            return None
        return found if process.is_same(pid, started) else None
