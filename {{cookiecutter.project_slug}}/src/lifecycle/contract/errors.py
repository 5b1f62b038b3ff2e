"""The one error that a user can act on, and what is said of a full disk."""

from __future__ import annotations

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_ADVICE = "the disk is full: make room on it, then type the same again"


class StageError(Exception):
    """A stage stopped the line for a reason that the user can act on: what, where, what to do."""
