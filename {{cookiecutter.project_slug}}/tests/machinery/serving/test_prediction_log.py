"""What is handed to the log is in a file that others can take, or is counted as lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from folders import CODE
from waiting import wait_for

from lifecycle.contract.operations import PredictionLog
from lifecycle.serving.prediction_log import CLOSED, OPEN, LogFile, Writer, close_left_open

SETTINGS = {
    "flush_seconds": 0.5, "rotate_bytes": 10**9, "rotate_seconds": 3600, "keep_days": 1,
}  # fmt: skip


def writer(folder: Path, lost: list[int], **settings: Any) -> Writer:
    values = {**SETTINGS, "flush_seconds": 0.02, **settings}
    return Writer(folder, PredictionLog(**values), lost.append)


@pytest.mark.parametrize("settings", [{"rotate_bytes": 100}, {"rotate_seconds": 1}])
def test_a_file_is_closed_at_its_size_or_age(tmp_path: Path, settings: dict[str, int]) -> None:
    lost: list[int] = []
    log = writer(tmp_path, lost, **settings)
    log.add(b"x" * 101)
    wait_for(lambda: list(tmp_path.glob(f"*{CLOSED}")))
    wait_for(lambda: not list(tmp_path.glob(f"*{OPEN}")))
    log.add(b"y")
    wait_for(lambda: list(tmp_path.glob(f"*{OPEN}")))
    log.close()
    contents = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert contents == [b"x" * 101 + b"\n", b"y\n"] and not lost


def test_no_line_no_file(tmp_path: Path) -> None:
    writer(tmp_path, []).close()
    assert not list(tmp_path.iterdir())


def test_a_file_in_use_is_not_closed_by_another(tmp_path: Path) -> None:
    used = LogFile(tmp_path)
    used.write(b"{}\n")
    assert close_left_open(tmp_path) == 0
    used.close()
    assert [path.name for path in tmp_path.iterdir()] == [
        used.path.name.removesuffix(OPEN) + CLOSED
    ]


def test_a_folder_that_cannot_be_written_is_said_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "log"
    lost: list[int] = []
    folder.write_text("in the way")
    log = writer(folder, lost)
    for _ in range(3):
        before = len(lost)
        log.add(b"lost")
        wait_for(lambda before=before: len(lost) > before)
    assert sum(lost) == 3
    assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1
    folder.unlink()
    log.add(b"kept")
    log.close()
    assert [path.read_bytes() for path in folder.iterdir()] == [b"kept\n"] and sum(lost) == 3


FULL_DISK = """
import resource, sys, time
from pathlib import Path
from lifecycle.contract.operations import PredictionLog
from lifecycle.serving.prediction_log import Writer

lost = []
folder = Path(sys.argv[1])
log = Writer(folder, PredictionLog(flush_seconds=0.02, rotate_bytes=10**6, rotate_seconds=60,
                                   keep_days=1), lost.append)
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
for _ in range(5):
    log.add(b"x" * 99)
while not lost:
    time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.add(b"after")
log.close()
print(sum(lost))
"""


def test_a_disk_that_was_full_spoils_no_later_line(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": CODE}
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "5\n" and done.stderr.count("cannot be written") == 1
    (path,) = tmp_path.iterdir()
    assert path.read_bytes().split(b"\n") == [b"x" * 99, b"x" * 99, b"x" * 50, b"after", b""]


def test_the_memory_for_lines_that_wait_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.serving.prediction_log.WAITING_LINES", 10)
    lost: list[int] = []
    log = writer(tmp_path, lost, flush_seconds=30)
    for _ in range(15):
        log.add(b"line")
    log.close()
    assert sum(lost) == 5
    assert sum(path.read_bytes().count(b"line") for path in tmp_path.iterdir()) == 10
