"""Where a disk is full, what has to be written takes the room that was set aside for it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lifecycle.contract import reserve
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text
from lifecycle.core.command import run
from lifecycle.records.deployment import Deployment


class Disk:
    """A disk that is full until `pieces` of the reserve are gone, for whatever Path writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, pieces: int) -> None:
        write, self.folder = Path.write_text, folder

        def limited(path: Path, text: str, encoding: str) -> int:
            if len(list((folder / "reserve").glob("*"))) > reserve.PIECES - pieces:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(path, text, encoding=encoding)

        monkeypatch.setattr(Path, "write_text", limited)


def test_a_reserve_is_whole_and_is_filled_up_again(tmp_path: Path) -> None:
    for _ in range(2):
        reserve.fill(tmp_path)
        sizes = [path.stat().st_size for path in (tmp_path / "reserve").iterdir()]
        assert sizes == [reserve.PIECE_BYTES] * reserve.PIECES
        (tmp_path / "reserve" / "03").unlink()
        (tmp_path / "reserve" / "04").write_bytes(b"cut off")


def test_a_write_takes_of_it_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve.fill(tmp_path)
    Disk(monkeypatch, tmp_path, 3)
    write_text(tmp_path / "below" / "state", "new")
    assert (tmp_path / "below" / "state").read_text(encoding="utf-8") == "new"
    assert len(list((tmp_path / "reserve").iterdir())) == reserve.PIECES - 3


def test_without_any_it_is_one_line_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("old", encoding="utf-8")
    reserve.fill(tmp_path)
    Disk(monkeypatch, tmp_path, reserve.PIECES + 1)
    with pytest.raises(StageError, match="state cannot be written, the disk is full: make room"):
        write_text(tmp_path / "state", "new")
    assert (tmp_path / "state").read_text(encoding="utf-8") == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"state", "reserve"}


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full: make room on it, then type the same again"),
        (errno.EDQUOT, "the disk is full: make room on it, then type the same again"),
        (errno.EACCES, "this user may not: change its rights or owner, then type the same again"),
        (errno.EPERM, "this user may not: change its rights or owner, then type the same again"),
        (errno.EROFS, "this user may not: change its rights or owner, then type the same again"),
    ],
)
def test_a_command_says_it_in_one_line(
    number: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def write() -> None:
        raise OSError(number, os.strerror(number), "some/file")

    with pytest.raises(SystemExit) as ended:
        run("stage", write)
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"stage: some/file: {said}\n"


def test_any_other_failure_is_no_mistake_of_the_user() -> None:
    def write() -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file descriptor"):
        run("stage", write)


def test_what_was_done_stays_right_though_the_audit_log_lacks_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = Deployment(tmp_path, "development")
    deployment.folder.mkdir(parents=True)
    (deployment.folder / "audit.jsonl").symlink_to("/dev/full")
    deployment.note("stop", 1)
    said = capsys.readouterr().err
    assert "audit.jsonl cannot be written (No space left on device), and lacks: " in said
    assert len(said.splitlines()) == 1
