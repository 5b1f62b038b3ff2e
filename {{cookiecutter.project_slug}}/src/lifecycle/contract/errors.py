"""The one error that a user can act on, and what is said of a full disk."""

from __future__ import annotations

import errno
from collections.abc import Iterable

FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_ADVICE = "the disk is full: make room on it, then type the same again"


class StageError(Exception):
    """A stage stopped the line for a reason that the user can act on: what, where, what to do.

    Args:
        said: The one line that is printed, but for what follows.
        then: What to type, where that is the end of the line.
        reason: What of it is the reason, where it says more.
        about: The rules that do not hold, or the columns that they are about.
        advice: What to type, where the line has it elsewhere.
        step: Where the line stopped, if that is a step that the command ran.
    """

    def __init__(
        self, said: str, then: str = "", *, reason: str = "", about: Iterable[str] = (),
        advice: str = "", step: str = "",
    ) -> None:  # fmt: skip
        super().__init__(f"{said}: {then}" if then else said)
        self.reason, self.about, self.step = reason or said, tuple(about), step
        self.advice = advice or then
