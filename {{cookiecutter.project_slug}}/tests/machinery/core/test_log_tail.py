"""A message quotes this run's error, not an earlier one's, though the log has been rotated."""

from pathlib import Path

import pytest

from lifecycle.core import log_tail

EARLIER, NOW = "ValueError: of an earlier run\n", "OSError: of this one\n"


def rotate(log: Path) -> None:
    """Begin another file, as supervisord does with a log that has become long."""
    for number in (2, 1):
        older = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number}"))


def append(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.parametrize("rotations", [0, 1, 2])
def test_only_what_came_since_is_read(rotations: int, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    append(log, EARLIER)
    begin = log_tail.position(log)
    wanted = ""
    for number in range(rotations + 1):
        append(log, f"{number}\n{NOW}")
        wanted += f"{number}\n{NOW}"
        if number < rotations:
            rotate(log)
    assert log_tail.since(log, begin) == wanted


def test_a_log_that_was_not_there_is_read_whole(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    begin = log_tail.position(log)
    assert log_tail.since(log, begin) == ""
    append(log, NOW)
    assert log_tail.since(log, begin) == NOW


def test_a_log_that_was_emptied_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    append(log, EARLIER * 2)
    begin = log_tail.position(log)
    log.write_text(NOW, encoding="utf-8")
    assert log_tail.since(log, begin) == NOW


def test_what_is_no_text_is_read(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    begin = log_tail.position(log)
    log.write_bytes(b"\xff\xfe")
    assert len(log_tail.since(log, begin)) == 2
