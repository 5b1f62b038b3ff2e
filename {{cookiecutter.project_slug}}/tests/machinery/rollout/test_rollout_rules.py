"""What a rollout compares at each step, and from which difference on it believes it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pydantic import BaseModel

from lifecycle.contract.columns import Column
from lifecycle.contract.outcome.answer import answer_model, decision
from lifecycle.contract.outcome.binary import Binary
from lifecycle.contract.outcome.outcome import Deciding
from lifecycle.core.params import Params
from lifecycle.rollout import rollout_rules
from lifecycle.rollout.figures import Figures
from lifecycle.rollout.observation import Observation, Step
from lifecycle.rollout.settings import RolloutSettings


@pytest.fixture
def limits(real_params: Params) -> RolloutSettings:
    return real_params.part(RolloutSettings)


def broken(candidate: Figures, live: Figures, limits: RolloutSettings, step: str) -> str | None:
    found = rollout_rules.check(candidate, live, limits, step)
    return found.rule if found else None


def counted(requests: float, rows: float, missing: float = 0.0) -> Figures:
    return Figures(requests=requests, rows=rows, missing=Counter({"wind_gust": missing}))


def test_a_feature_that_is_missing_is_believed_by_requests_not_by_rows(
    limits: RolloutSettings,
) -> None:
    # 20 rows of one hour in each of 10 requests: a few hours of a broken station are no defect.
    live = counted(60, 1200, 840)
    assert broken(counted(10, 200, 190), live, limits, "canary") is None
    assert broken(counted(200, 200, 190), live, limits, "canary") == "missing features"
    # Nothing is at live to compare with once the candidate has all requests.
    assert broken(counted(200, 200, 190), live, limits, "full") is None


def test_decisions_are_compared_where_requests_are_copied(limits: RolloutSettings) -> None:
    candidate, live = Figures(requests=200, rows=1000), Figures(requests=200, rows=1000)
    live.compared, live.changed = 1000, 600
    assert broken(candidate, live, limits, "shadow") == "changed decisions"
    # What the last copies leave behind in the next step says nothing.
    assert broken(candidate, live, limits, "canary") is None
    live.compared, live.changed = 20, 9
    assert broken(candidate, live, limits, "shadow") is None


@pytest.mark.parametrize("step", ["shadow", "canary", "full"])
def test_errors_are_judged_at_every_step(step: str, limits: RolloutSettings) -> None:
    candidate = Figures(requests=200, failed=50)
    assert broken(candidate, Figures(requests=200), limits, step) == "error share"


TARGET = Column(name="late", type="boolean", roles=("target",), description="Late")
KNOWN = {"probability": 0.25}


class Answering:
    """A worker that answers every row with the same prediction, and counts nothing itself."""

    def __init__(self, name: str, prediction: dict[str, Any]) -> None:
        self.name, self.prediction = name, {"probability": 0.25, **prediction}

    def smoke(self) -> dict[str, Any]:
        return {"request": {"records": [{"row": 1}, {"row": 2}]}, "answers": [KNOWN, KNOWN]}

    def task(self) -> tuple[Binary, Deciding]:
        return Binary(TARGET), Deciding(threshold=0.5)

    def ask(self, method: str, path: str, body: Any, seconds: float) -> tuple[int, bytes]:
        rows = len(body["records"]) if body else 0
        said = json.dumps({"predictions": [self.prediction] * rows})
        return 200, said.encode() if body else b""


@pytest.mark.parametrize(
    ("live", "candidate", "changed"),
    [
        ({"late": True}, {"late": False}, 4),
        ({"late": True}, {"late": True}, 0),
        ({"delay": "long"}, {"delay": "none"}, 4),
        ({"delay": "long"}, {"delay": "long"}, 0),
        ({"minutes": 10.0}, {"minutes": 10.5}, 4),
        ({"minutes": 10.0}, {"minutes": 10}, 0),
        ({"late": True}, {"late": True, "delay": "none"}, 4),
        ({"late": True}, {}, 4),
        ({"late": True}, {"late": 1}, 4),
        ({"late": True}, {"late": "True"}, 4),
        # A figure may be another without anything being decided otherwise.
        ({"late": True}, {"late": True, "probability": 0.5}, 0),
    ],
)
def test_whatever_the_candidate_decides_otherwise_is_a_changed_decision(
    live: dict[str, Any], candidate: dict[str, Any], changed: int
) -> None:
    one: Any = Answering("candidate", candidate)
    other: Any = Answering("live", live)
    observed = Observation(one, other, Step("shadow"))
    observed.probe(compare=True, rows=2)
    observed.probe(compare=True, rows=2)
    _, counted = observed.figures()
    assert (counted.compared, counted.changed) == (4, changed)


def test_an_answer_has_a_decision_beside_its_figures() -> None:
    row = answer_model(Binary(TARGET), BaseModel).model_fields["predictions"].annotation
    (prediction,) = row.__args__  # type: ignore[union-attr]
    assert set(decision(dict.fromkeys(prediction.model_fields))) == {"late"}
