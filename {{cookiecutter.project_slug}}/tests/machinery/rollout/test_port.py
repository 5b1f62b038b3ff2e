"""The port's holder is taken over when it hangs, in seconds and with a word."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from lifecycle.core import listening, marks
from lifecycle.core.free_port import free_port
from lifecycle.rollout.port import Port


def holders(folder: Path) -> list[psutil.Process]:
    return [one for one in marks.processes(folder) if marks.is_holder(one)]


def test_a_holder_that_was_stopped_is_replaced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "project" / ".lifecycle" / "development"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    port = Port(folder, "127.0.0.1", free_port())
    try:
        assert port.ensure()
        assert not port.ensure()
        (before,) = holders(folder)
        before.send_signal(signal.SIGSTOP)
        while before.status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        began = time.monotonic()
        assert port.ensure()
        assert time.monotonic() - began < 8
        (after,) = holders(folder)
        assert after != before
        assert "the holder of the port was stopped" in capsys.readouterr().out
    finally:
        listening.dismiss(listening.HOLDER)
        marks.end(holders(folder))
