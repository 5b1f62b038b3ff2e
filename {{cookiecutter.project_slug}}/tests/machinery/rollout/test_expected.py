"""A candidate that honestly differs passes, one that is broken does not: on pairs that were drawn.

Each pair is a stale version, which puts nearly everything below the threshold, and a better one,
which does not: they decide about 45 % of the rows otherwise. What both count goes through the
rules as a rollout asks them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lifecycle.core.params import Params
from lifecycle.records import expected
from lifecycle.records.expected import Expected
from lifecycle.release import difference
from lifecycle.rollout import rollout_rules
from lifecycle.rollout.figures import Figures
from lifecycle.rollout.settings import RolloutSettings

Array = NDArray[np.float64]
THRESHOLD = 0.3
BUCKETS = np.linspace(0, 1, 41)[1:]
DAYS, ROWS_A_DAY = 31, 900
# What a defect in serving makes of the better version's answers.
DEFECTS: dict[str, Callable[[Array], Array]] = {
    "a constant below": lambda p: np.full_like(p, 0.2),
    "a constant above": lambda p: np.full_like(p, 0.9),
    "scaled down": lambda p: p * 0.3,
    "scaled up": lambda p: np.minimum(1, p * 2.5),
    "turned round": lambda p: 1 - p,
    "all the same as live": lambda p: np.full_like(p, 0.21),
}


@pytest.fixture
def limits(real_params: Params) -> RolloutSettings:
    return real_params.part(RolloutSettings)


def drawn(days: int, rows: int, seed: int) -> tuple[Array, Array, NDArray[Any]]:
    """Return what a stale and a better version answer to rows of some days, and the days.

    Days differ: on some few are late, on others most.
    """
    generator = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rows)
    level = np.repeat(generator.normal(0.0, 0.6, days), rows)
    logit = -1.0 + level + generator.normal(0, 0.8, days * rows)
    return np.full(days * rows, 0.21), 1 / (1 + np.exp(-logit)), day


def measured(days: int = DAYS, rows: int = ROWS_A_DAY, seed: int = 1) -> Expected:
    """Return what the gate measures of such a pair on a holdout."""
    stale, better, day = drawn(days, rows, seed)
    changed = ((stale >= THRESHOLD) != (better >= THRESHOLD)).astype(float)
    return Expected(
        expected.Figure(**difference.mean_and_error(changed, day)),
        expected.Figure(**difference.mean_and_error(better - stale, day)),
    )


def counted(stale: Array, answered: Array, requests: int) -> tuple[Figures, Figures]:
    """Return what candidate and live count of rows in so many requests."""
    candidate, live = (
        Figures(requests=requests, rows=len(p), predicted=float(p.sum()),
                predictions=Counter({float(b): float((p <= b).sum()) for b in BUCKETS}))
        for p in (answered, stale)
    )  # fmt: skip
    live.compared = len(stale)
    live.changed = float(((stale >= THRESHOLD) != (answered >= THRESHOLD)).sum())
    return candidate, live


def broken(
    answered: Callable[[Array], Array], limits: RolloutSettings, about: Expected | None,
    requests: int = 200, rows: int = 1000, seed: int = 2,
) -> str | None:  # fmt: skip
    """Return the rule that does not hold in shadow."""
    # Rows of several days: what a shadow gets is spread over hours, and its own requests over all.
    stale, better, _ = drawn(20, rows // 20, seed)
    candidate, live = counted(stale, answered(better), requests)
    found = rollout_rules.check(candidate, live, limits, "shadow", about)
    return found.rule if found else None


def test_the_pair_differs_by_about_45_percent() -> None:
    assert 0.4 < measured().changed.mean < 0.5


@pytest.mark.parametrize("seed", range(2, 22))
def test_an_honest_successor_passes_where_the_fixed_limit_returns_it(
    limits: RolloutSettings, seed: int
) -> None:
    assert broken(lambda p: p, limits, measured(), seed=seed) is None


def test_the_fixed_limit_returns_it(limits: RolloutSettings) -> None:
    """As it was returned before: nothing was measured."""
    found = [broken(lambda p: p, limits, None, seed=seed) for seed in range(2, 22)]
    assert "changed decisions" in found


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("seed", range(2, 7))
def test_a_broken_candidate_is_returned_in_either_direction(
    limits: RolloutSettings, defect: str, seed: int
) -> None:
    found = broken(DEFECTS[defect], limits, measured(), seed=seed)
    assert found in ("changed decisions", "prediction shift")


def test_the_reason_says_what_was_expected(limits: RolloutSettings) -> None:
    stale, better, _ = drawn(20, 50, 2)
    candidate, live = counted(stale, np.full_like(better, 0.2), 200)
    found = rollout_rules.changed(candidate, live, limits, measured())
    assert found is not None
    assert "0.0% of 1000 rows were decided otherwise than by live" in found.reason
    assert "were expected (on the holdout it was 4" in found.reason


@pytest.mark.parametrize(("days", "rows", "requests"), [(7, 5, 200), (31, 900, 20), (7, 5, 20)])
def test_little_data_widens_the_limits(
    limits: RolloutSettings, days: int, rows: int, requests: int
) -> None:
    wide, narrow = measured(days, rows), measured()
    widths = []
    for about, asked in ((wide, requests), (narrow, 200)):
        mean = about.changed.mean
        noise = np.sqrt(mean * (1 - mean) / asked)
        low, high = about.changed.limits(limits.season_changed_decisions, float(noise), 3)
        widths.append(high - low)
    assert widths[0] > widths[1]


@pytest.mark.parametrize(("days", "rows", "requests"), [(31, 900, 200), (7, 5, 5), (7, 1, 1)])
def test_nonsense_is_returned_however_wide_they_are(
    limits: RolloutSettings, days: int, rows: int, requests: int
) -> None:
    """Where differences say little, rows whose answers are known say it all."""
    stale, better, _ = drawn(5, max(1, requests // 5), 3)
    candidate, live = counted(stale, better, requests)
    candidate.known, candidate.wrong = 50, 1
    found = rollout_rules.check(candidate, live, limits, "shadow", measured(days, rows))
    assert found is not None
    assert found.rule == "known answers"
    candidate.wrong = 0
    assert rollout_rules.known(candidate, live, limits, None) is None
