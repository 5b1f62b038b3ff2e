"""What every stage's command line shares: one clear line for a user's mistake, and an exit code."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

from lifecycle.contract.errors import FULL, FULL_ADVICE, StageError
from lifecycle.core import inherited

RIGHTS_ADVICE = "this user may not: change its rights or owner, then type the same again"
IN_PLACE_ADVICE = (
    "a folder is where a file should be, or something else in its place: move it away, then type "
    "the same again"
)
IN_PLACE = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP)
# What the system refuses for a reason that is no mistake of the program.
ADVICE = {
    **dict.fromkeys(FULL, FULL_ADVICE),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), RIGHTS_ADVICE),
    **dict.fromkeys(IN_PLACE, IN_PLACE_ADVICE),
}


# New objects between two collections (Python: 700), and how many of those to one of what is older.
COLLECTION = (50_000, 20, 20)


def project_root() -> Path:
    """Return the project's folder, which is where every command is run.

    Raises:
        StageError: the current folder is not a generated project.
    """
    root = Path.cwd()
    if not (root / "params.yaml").is_file():
        raise StageError(f"{root} holds no params.yaml: run this from the project's folder")
    return root


def spare_imports() -> None:
    """Let Python's collector of cycles leave alone what the libraries consist of.

    They make hundreds of thousands of objects that live until the end. It looks at them again and
    again meanwhile, and then once more in order to free them, which the system does at once.
    """
    gc.set_threshold(*COLLECTION)
    atexit.register(gc.freeze)


def run(stage: str, main: Callable[[], None]) -> None:
    """Run a stage's main function; a `StageError` becomes one line on stderr and exit code 1."""
    inherited.settle(os.environ, Path.cwd())
    spare_imports()
    try:
        main()
    except StageError as error:
        print(f"{stage}: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as error:
        advice = ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        # Of a move, where it should go to.
        place = (error.errno in IN_PLACE and error.filename2) or error.filename or "a file"
        print(f"{stage}: {place}: {advice}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(f"{stage}: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
