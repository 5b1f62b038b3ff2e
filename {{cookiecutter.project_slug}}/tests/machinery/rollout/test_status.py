"""What is wrong with an environment is said with the place of the runbook that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.core.params import Params
from lifecycle.core.runbook import RUNBOOK, see
from lifecycle.pages.links import anchors
from lifecycle.records.deployment import Deployment, Outcome, Serving, State
from lifecycle.rollout import status

HEADINGS = {
    status.INTERRUPTED, status.HUNG, status.REBOOT, status.KEYS, status.LOG, status.SILENT,
    status.DAMAGED, status.TAKEN_BACK, status.ROLLED_BACK,
}  # fmt: skip


def test_every_paragraph_that_status_names_is_in_the_runbook() -> None:
    there = anchors((Path(__file__).parents[3] / RUNBOOK).read_text(encoding="utf-8"))
    assert {see(one).partition("#")[2] for one in HEADINGS} <= there


def test_what_is_wrong_is_said_with_its_paragraphs_once_each(
    project: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFECYCLE_ENVIRONMENT", "development")
    deployment = Deployment(project, "development")
    last = Outcome(2, "rolled back", "smoke", "it does not start", "2013-06-01T00:00:00+00:00")
    live = Serving(1, f"{params.project.name}:1-0a1b2c3d", "2013-05-01T00:00:00+00:00")
    candidate = Serving(2, f"{params.project.name}:2-0a1b2c3d", "2013-06-01T00:00:00+00:00")
    deployment.save(State(live=live, candidate=candidate, step="smoke", last=last))
    found = status.lines(project, params, "development")
    assert any(one.startswith("supervisor   does not run: run `make deploy`") for one in found)
    assert any(one.startswith("last         version 2 rolled back by smoke") for one in found)
    # A supervisor that is gone, a worker that does not serve, and what else stands in the state.
    places = [one.removeprefix("see          ") for one in found if one.startswith("see ")]
    assert len(places) == len(set(places))
    assert {see(one) for one in (status.REBOOT, status.SILENT, status.INTERRUPTED,
                                 status.DAMAGED, status.ROLLED_BACK)} <= set(places)  # fmt: skip
    assert found[-len(places) :] == [f"see          {one}" for one in places]


def test_where_nothing_serves_there_is_one_line(project: Path, params: Params) -> None:
    found = status.lines(project, params, "development")
    assert found == ["nothing serves development: run `make deploy`"]
