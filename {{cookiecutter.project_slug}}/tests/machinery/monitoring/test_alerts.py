"""When a series of windows fires, and what is said about it."""

from __future__ import annotations

import pytest
from folders import ROOT

from lifecycle.core.params import Params
from lifecycle.monitoring.alerts import WHAT_TO_DO, Alert, fires
from lifecycle.monitoring.settings import Monitor
from lifecycle.pages import links


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], False),
        ([True], False),
        ([True, True], True),
        ([True, False, False, True], True),
        # The latest is healthy: what was is over.
        ([True, True, True, False], False),
        # The other one is older than the last four.
        ([True, False, False, False, True], False),
    ],
)
def test_two_of_the_last_four_and_the_latest(
    flags: list[bool], expected: bool, real_params: Params
) -> None:
    assert fires(flags, real_params.part(Monitor)) is expected


def test_what_is_sudden_needs_no_second_window(real_params: Params) -> None:
    assert fires([False, True], real_params.part(Monitor), sudden=True)
    assert not fires([True, False], real_params.part(Monitor), sudden=True)


def test_an_alert_names_its_heading() -> None:
    found = Alert("prediction drift", "probability", "It drifts.", ("2013-03-01",)).as_dict()
    assert found == {
        "kind": "prediction drift", "subject": "probability", "message": "It drifts.",
        "windows": ["2013-03-01"], "see": "docs/operations.md#prediction-drift",
    }  # fmt: skip
    assert all(said.endswith(".") for said in WHAT_TO_DO.values())


def test_every_alert_has_its_paragraph_in_the_runbook() -> None:
    seen = [Alert(kind, "", "").as_dict()["see"] for kind in WHAT_TO_DO]
    assert [see for see in seen if not links.leads(ROOT / "README.md", see)] == []
