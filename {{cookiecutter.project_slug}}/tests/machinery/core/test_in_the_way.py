"""What a command meets where a file or a folder of its own should be is told in one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.contract.files import locked, write_json
from lifecycle.core import command

ADVICE = "move it away, then type the same again"


def onto_a_folder(place: Path) -> None:
    place.mkdir()
    write_json(place, {})


def below_a_file(place: Path) -> None:
    place.touch()
    write_json(place / "inside.json", {})


def lock_of_a_folder(place: Path) -> None:
    place.mkdir()
    with locked(place):
        pass


def a_ring(place: Path) -> None:
    place.symlink_to(place)
    place.read_bytes()


def a_full_folder(place: Path) -> None:
    (place / "inside").mkdir(parents=True)
    (place.parent / "new").mkdir()
    (place.parent / "new").replace(place)


@pytest.mark.parametrize("failing", [
    onto_a_folder, below_a_file, lock_of_a_folder, a_ring, a_full_folder,
])  # fmt: skip
def test_what_a_command_meets_later_is_one_line_too(
    failing: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SystemExit) as ended:
        command.run("deploy", lambda: failing(tmp_path / "place"))
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"deploy: {tmp_path}/place")
    assert line.endswith(f"something else in its place: {ADVICE}")


def test_another_error_of_the_system_is_a_fault_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(OSError, match="Bad file"):
        command.run("deploy", fail)
