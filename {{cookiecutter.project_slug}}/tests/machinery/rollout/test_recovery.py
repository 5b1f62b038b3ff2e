"""That something is deployed is known while it runs, whatever is lost of what says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.records.deployment import Deployment
from lifecycle.rollout.supervisor import Supervisor


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Return an environment in which a supervisor runs, and which has no other state."""
    # Short: the path of a socket may have some hundred characters.
    deployment = Deployment(tmp_path_factory.mktemp("r"), "development")
    sockets = deployment.folder / "s"
    sockets.mkdir(parents=True)
    supervisor = Supervisor(deployment.folder, sockets)
    supervisor.start()
    try:
        yield deployment
    finally:
        supervisor.shut_down()


@pytest.mark.parametrize("left", ["nothing", "", "\0", "1\n", "4194305\n", "one\n"])
def test_state_is_lost_and_not_absent_where_a_supervisor_runs(
    left: str, running: Deployment
) -> None:
    number = running.folder / "supervisor.pid"
    before = number.read_bytes()
    assert running.is_lost()
    try:
        number.unlink()
        if left != "nothing":
            number.write_text(left, encoding="ascii")
        assert running.is_lost()
    finally:
        number.write_bytes(before)


def test_where_none_runs_nothing_is_deployed(running: Deployment, tmp_path: Path) -> None:
    """Though one runs in another environment, and its number is that of a process."""
    other = Deployment(tmp_path, "development")
    assert not other.is_lost()
    other.folder.mkdir(parents=True)
    (other.folder / "supervisor.pid").write_bytes((running.folder / "supervisor.pid").read_bytes())
    assert not other.is_lost()
