"""What the registry took back is not started again; where it cannot be asked, that is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from proved import by_hand, make

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.records import (
    received,
    registry,
)
from lifecycle.records.deployment import Deployment
from lifecycle.records.recovery import Serving, State
from lifecycle.rollout import asking, rollback, start, status


@pytest.fixture
def made(
    tmp_path: Path, params: Params, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """A project with one commit of all that a version leads back to, and its tags and verdict."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return make(tmp_path / "project", params, empty_store)


@pytest.fixture
def deployed(made: SimpleNamespace) -> SimpleNamespace:
    """The project with version 1, which passed, live and the one before as well."""
    received.keep(made.root, 1, made.tags, made.gate)
    version = by_hand(made)
    made.versions = registry.connect(made.root, made.params)
    made.serving = Serving(version.number, "shrunk:1-00000000", "now")
    made.state = State(live=made.serving, previous=made.serving)
    Deployment(made.root, "development").save(made.state)
    return made


def revoke(made: SimpleNamespace) -> None:
    made.versions._client.set_model_version_tag(made.versions.name, "1", "gate_verdict", "fail")


def test_what_was_taken_back_in_the_registry_is_said_and_not_started(
    deployed: SimpleNamespace,
) -> None:
    root, params = deployed.root, deployed.params
    assert asking.ask(root, params, 1) == asking.Answer()
    assert "registry" not in "\n".join(status.lines(root, params, "development"))
    assert rollback.target(root, params, deployed.state, None).tag == deployed.serving.tag
    revoke(deployed)
    words = "the gate did not pass it (its tag gate_verdict is fail)"
    (line,) = (one for one in status.lines(root, params, "development") if "registry" in one)
    assert f"version 1 may not serve any more: {words}; run `make rollback`" in line
    with pytest.raises(StageError, match=r"version 1 does not serve: .* is fail\); say which"):
        rollback.target(root, params, deployed.state, None)
    with pytest.raises(StageError, match=r"version 1 does not serve: .*`make rollback VERSION=n`"):
        start.start(root, params, "development")


def gone(root: Path, patch: pytest.MonkeyPatch) -> None:
    (root / "mlflow.db").unlink()


def broken(root: Path, patch: pytest.MonkeyPatch) -> None:
    (root / "mlflow.db").write_bytes(b"no database" * 1000)


def cut_off(root: Path, patch: pytest.MonkeyPatch) -> None:
    (root / "mlflow.db").write_bytes(b"")


def dead_server(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")


@pytest.mark.parametrize("harm", [gone, broken, cut_off, dead_server])
def test_where_the_registry_cannot_be_asked_it_is_said_in_one_line_and_nothing_stops(
    harm: Callable[[Path, pytest.MonkeyPatch], object], deployed: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root, params = deployed.root, deployed.params
    harm(root, monkeypatch)
    (line,) = (one for one in status.lines(root, params, "development") if "registry" in one)
    assert "cannot be asked of version 1: " in line
    assert "\n" not in line
    capsys.readouterr()
    assert rollback.target(root, params, deployed.state, None).version == 1
    said = capsys.readouterr().out
    assert said.startswith("whether version 1 may still serve could not be asked: ")
    assert said.count("\n") == 1
    assert (root / "mlflow.db").exists() == (harm is not gone)
