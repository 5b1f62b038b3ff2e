"""A supervisor that hangs is a supervisor that does not run, and nobody waits for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.rollout import supervisor_line
from lifecycle.rollout.supervisor import Supervisor


@pytest.mark.parametrize("backlog", [0, 8])
def test_silence_ends_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backlog: int
) -> None:
    """Whether its connections are taken, or wait in a queue that is full."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervisor_line, "SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("supervisor.sock")
        door.listen(backlog)
        others = [socket.socket(socket.AF_UNIX) for _ in range(1 if backlog == 0 else 0)]
        for one in others:
            one.connect("supervisor.sock")
        asked = Supervisor(tmp_path, tmp_path)
        assert not asked.runs()
        # Not waited for again.
        monkeypatch.setattr(supervisor_line, "SECONDS", 600)
        assert not asked.runs()
        monkeypatch.setattr(supervisor_line, "SECONDS", 0.2)
        with pytest.raises(StageError, match=r"the supervisor said nothing.* run `make deploy`"):
            Supervisor(tmp_path, tmp_path).processes()
        for one in others:
            one.close()


def test_one_that_is_gone_does_not_run(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "supervisor.sock"))
    assert not Supervisor(tmp_path, tmp_path).runs()
