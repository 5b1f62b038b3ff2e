"""What a rollout compares at each step, and from which difference on it believes it."""

from __future__ import annotations

from collections import Counter

import pytest

from lifecycle.core.params import Params
from lifecycle.rollout import rollout_rules
from lifecycle.rollout.figures import Figures
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
