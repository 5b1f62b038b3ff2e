"""The last failure of a command as one record: who started it reads that, not what was printed.

Only the standard library: a command may fail before there is an environment.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_state, write_json

FILE = Path(".lifecycle", "failure.json")


@dataclass(frozen=True)
class Failure:
    """Why a command stopped."""

    command: str
    # Where the line stopped: at a step that the command ran, or in itself.
    step: str
    # The rules that do not hold, or the columns that they are about.
    about: tuple[str, ...]
    reason: str
    # What to type.
    advice: str
    # The line that was printed behind the command's name.
    said: str


def keep(root: Path, command: str, error: StageError) -> None:
    """Write the record, where `root` is a project; that it cannot be written is no failure more."""
    if not (root / "params.yaml").is_file():
        return
    found = Failure(command, error.step or command, error.about, error.reason, error.advice,
                    str(error))  # fmt: skip
    with contextlib.suppress(OSError, StageError):
        write_json(root / FILE, asdict(found))


def read(root: Path) -> Failure | None:
    """Return the record of the last failure, None where there is none that can be read."""
    found = read_state(root / FILE)
    try:
        return Failure(**{**found, "about": tuple(found["about"])}) if found else None
    except (TypeError, KeyError):
        return None


def forget(root: Path, command: str | None = None) -> None:
    """Remove the record; with a `command`, only where it is that one's."""
    found = read(root)
    if command is None or (found and found.command == command):
        with contextlib.suppress(OSError):
            (root / FILE).unlink(missing_ok=True)


def of(root: Path, printed: str, what: str) -> Failure:
    """Return why a command that was just run in `root` failed, its record forgotten before.

    Where it left none, as one that was killed or another program: the first line of what it
    `printed` as it is.
    """
    said = next((line for line in printed.splitlines() if line.strip()), f"{what} failed")
    return read(root) or Failure("", "", (), said, "", said)


def passed_on(found: Failure) -> StageError:
    """Return the error of a command whose step has failed so."""
    said = f"{found.command}: {found.said}" if found.command else found.said
    return StageError(said, reason=found.reason, about=found.about, advice=found.advice,
                      step=found.step)  # fmt: skip
