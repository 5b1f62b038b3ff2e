"""What every command shares: how it is described, and one clear line for a user's mistake."""

from __future__ import annotations

import argparse
import atexit
import difflib
import errno
import gc
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

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
PROGRAM = "python -m lifecycle"


@dataclass(frozen=True)
class Option:
    """An argument of a command: its names and settings are those of `add_argument`."""

    names: tuple[str, ...]
    settings: dict[str, Any]


def option(*names: str, **settings: Any) -> Option:
    """Describe an argument of a command as `ArgumentParser.add_argument` takes it."""
    return Option(names, settings)


@dataclass(frozen=True)
class Command:
    """A command: its name, what it does, and the function (`module:function`) that does it.

    The function gets what was typed where there are options, and nothing where there are none.
    """

    name: str
    function: str
    summary: str
    options: tuple[Option, ...] = ()
    # It takes seconds in which it has nothing to say: at a terminal it is seen to go on.
    is_long: bool = False


class Parser(argparse.ArgumentParser):
    """One line for a mistake, with the nearest of the names that there are."""

    def __init__(self, command: Command) -> None:
        """Describe `command` and its options."""
        self.command = command
        super().__init__(
            prog=f"{PROGRAM} {command.name}", description=command.summary, allow_abbrev=False
        )
        for one in command.options:
            self.add_argument(*one.names, **one.settings)

    def error(self, message: str) -> NoReturn:
        """End with one line on stderr and exit code 2."""
        known = [name for one in self.command.options for name in one.names if name[0] == "-"]
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            first = unknown.split(" ")[0].split("=")[0]
            message = f"there is no {'option' if first[:1] == '-' else 'argument'} {first!r}"
            message += nearest(first, [*known, "--help"])
        print(f"{self.command.name}: {message} ({self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return what to say of the name that `name` was probably meant to be, if there is one."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f": did you mean {found[0]}?" if found else ""


def project_root() -> Path:
    """Return the project's folder, which is where every command is run.

    Raises:
        StageError: the current folder is not a generated project.
    """
    root = Path.cwd()
    if not (root / "params.yaml").is_file():
        raise StageError(f"{root} holds no params.yaml", "run this from the project's folder")
    return root


def spare_imports() -> None:
    """Let Python's collector of cycles leave alone what the libraries consist of.

    They make hundreds of thousands of objects that live until the end. It looks at them again and
    again meanwhile, and then once more in order to free them, which the system does at once.
    """
    gc.set_threshold(*COLLECTION)
    atexit.register(gc.freeze)


def run(name: str, main: Callable[[], Any]) -> None:
    """Run a command's function; a `StageError` becomes one line on stderr and exit code 1.

    And a record of it (see `failure`) in the folder in which the command was typed.
    """
    inherited.settle(os.environ, Path.cwd())
    spare_imports()
    # Whoever only asks which commands there are needs nothing of it.
    from lifecycle.core import failure

    failure.forget(Path.cwd(), name)
    try:
        main()
    except StageError as error:
        _fail(name, error)
    except OSError as error:
        advice = ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        # Of a move, where it should go to.
        place = (error.errno in IN_PLACE and error.filename2) or error.filename or "a file"
        _fail(name, StageError(str(place), advice, reason=str(error)))
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        raise SystemExit(130) from None


def _fail(name: str, error: StageError) -> NoReturn:
    from lifecycle.core import failure

    failure.keep(Path.cwd(), name, error)
    print(f"{name}: {error}", file=sys.stderr)
    raise SystemExit(1) from None
