"""A prediction log that cannot be one is said by whoever deploys, looks and judges."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params
from lifecycle.monitoring import monitor
from lifecycle.records.deployment import Deployment, Serving, State
from lifecycle.rollout import status
from lifecycle.rollout.log_folder import fault

LOST: dict[str, Callable[[Path], object]] = {
    "is no folder": lambda path: path.write_text("x"),
    "is a link to nothing": lambda path: path.symlink_to("nowhere"),
    "may not be read and written": lambda path: path.mkdir(0o500),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "access", lambda path, _: path.stat().st_mode & 0o200)
    found = tmp_path / ".lifecycle" / "development" / "predictions"
    found.parent.mkdir(parents=True)
    return found


@pytest.mark.parametrize("what", LOST)
def test_it_is_said_by_each(
    what: str, place: Path, tmp_path: Path, params: Params, schema: Schema
) -> None:
    LOST[what](place)
    said = fault(place)
    assert said is not None
    assert f"{place} {what}" in said
    Deployment(tmp_path, "development").save(State(live=Serving(1, "name:1-00000001", "now")))
    lines = status.lines(tmp_path, params, "development")
    assert any(line.startswith("predictions ") and said in line for line in lines)
    if what != "may not be read and written":
        look = monitor.look_at(tmp_path, params, schema, "development")
        assert said in look.sentences
        assert not any("send requests" in one for one in look.sentences)


def test_one_that_is_there_or_comes_is_not(place: Path) -> None:
    assert fault(place) is None
    place.mkdir(0o700)
    assert fault(place) is None
