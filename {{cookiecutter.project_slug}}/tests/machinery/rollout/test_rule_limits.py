"""Each rule of a rollout on both sides of its limit, and what it says."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

from lifecycle.core.params import Params
from lifecycle.records.expected import Expected, Figure
from lifecycle.rollout import figures, rollout_rules
from lifecycle.rollout.figures import Figures
from lifecycle.rollout.settings import RolloutSettings


@pytest.fixture
def limits(real_params: Params) -> RolloutSettings:
    """Limits that the tests can reckon with."""
    return real_params.part(RolloutSettings).model_copy(
        update={
            "maximum_error_share": 0.25,
            "maximum_missing_increase": 0.1,
            "maximum_milliseconds": 90.0,
            "maximum_latency_ratio": 2.0,
            "season_changed_decisions": 0.1,
            "maximum_changed_decisions": 0.1,
            "season_prediction_shift": 0.25,
            "maximum_prediction_shift": 0.25,
        }
    )


def expecting(changed: float = 0.0, shift: float = 0.0) -> Expected:
    return Expected(Figure(changed, 0.0), Figure(shift, 0.0))


@pytest.mark.parametrize(
    ("requests", "failed", "copies", "holds"),
    [(4, 1, 0, True), (4, 2, 0, False), (3, 0, 1, True), (3, 0, 2, False), (4, 1, 1, False),
     (0, 0, 0, True), (0, 0, 1, False)],
)  # fmt: skip
def test_a_copy_that_is_not_answered_is_a_request_that_failed(
    limits: RolloutSettings, requests: int, failed: int, copies: int, holds: bool
) -> None:
    candidate, live = Figures(requests=requests, failed=failed), Figures(not_answered=copies)
    found = rollout_rules.errors(candidate, live, limits, None)
    assert (found is None) is holds


@pytest.mark.parametrize(
    ("rows", "ours", "live_rows", "theirs", "holds"),
    [
        # A tenth and three standard errors of two shares, from 50 and from 200 requests.
        (500, 185, 2000, 200, True),
        (500, 186, 2000, 200, False),
        (500, 0, 2000, 2000, True),
        (0, 0, 2000, 200, True),
        (500, 500, 0, 0, True),
    ],
)
def test_a_feature_may_be_missing_so_much_oftener(
    limits: RolloutSettings, rows: int, ours: int, live_rows: int, theirs: int, holds: bool
) -> None:
    candidate = Figures(requests=50, rows=rows, missing=Counter({"humidity": ours}))
    live = Figures(requests=200, rows=live_rows, missing=Counter({"humidity": theirs}))
    found = rollout_rules.missing(candidate, live, limits, None)
    assert (found is None) is holds
    if found:
        assert found.reason == "humidity is missing in 37.2% of the rows, at live in 10.0%"


def taking(seconds: float) -> Figures:
    """Return the figures of requests of which 95 % took up to so many seconds."""
    return Figures(seconds=Counter({seconds / 0.95: 100}))


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (0.0899, 0.08, None),
        (0.0901, 0.08, "took up to 90 ms, 90 ms are allowed"),
        (0.0601, 0.03, "took up to 60 ms, at live 30 ms"),
        (0.0599, 0.03, None),
        # Where live is quick, twice as slow is no harm; where it answers nothing, nothing is known.
        (0.0399, 0.001, None),
        (0.0401, 0.001, "took up to 40 ms, at live 1 ms"),
        (0.08, 0.0, None),
    ],
)
def test_a_candidate_may_be_so_slow(
    limits: RolloutSettings, ours: float, theirs: float, said: str | None
) -> None:
    found = rollout_rules.latency(taking(ours), taking(theirs), limits, None)
    assert (found and found.reason) == (said and f"95 % of the requests {said}")


def test_a_candidate_may_be_just_as_slow_as_allowed(limits: RolloutSettings) -> None:
    took = figures.quantile(taking(0.04).seconds, 0.95)
    exact = limits.model_copy(update={"maximum_milliseconds": took * 1000})
    assert rollout_rules.latency(taking(0.04), taking(0.04), exact, None) is None
    twice = limits.model_copy(update={"maximum_latency_ratio": took / 0.02})
    assert rollout_rules.latency(taking(0.04), taking(0.001), twice, None) is None


@pytest.mark.parametrize(
    ("changed", "about", "said"),
    [
        # A tenth and three standard errors of a hundred requests, to either side.
        (0.0, None, None),
        (0.18, None, None),
        (0.20, None, "10.0% may be"),
        (0.14, expecting(0.4), "15.3% to 64.7% were expected (on the holdout it was 40.0%)"),
        (0.16, expecting(0.4), None),
        (0.64, expecting(0.4), None),
        (0.66, expecting(0.4), "15.3% to 64.7% were expected (on the holdout it was 40.0%)"),
        (0.9, expecting(0.05), "0.0% to 21.5% were expected (on the holdout it was 5.0%)"),
        (0.5, expecting(0.95), "78.5% to 100.0% were expected (on the holdout it was 95.0%)"),
        # Without an error, exactly at the limit.
        (0.9, expecting(1.0), None),
        (0.1, expecting(0.0), None),
    ],
)
@pytest.mark.parametrize(("compared", "requests"), [(100, 1000), (1000, 100)])
def test_so_many_decisions_may_be_others(
    limits: RolloutSettings, changed: float, about: Expected | None, said: str | None,
    compared: int, requests: int,
) -> None:  # fmt: skip
    live = Figures(compared=compared, changed=changed * compared)
    found = rollout_rules.changed(Figures(requests=requests), live, limits, about)
    start = f"{changed:.1%} of {compared} rows were decided otherwise than by live, "
    assert (found and found.reason) == (said and start + said)


@pytest.mark.parametrize(("compared", "requests"), [(0, 100), (100, 0)])
def test_decisions_that_nobody_compared_say_nothing(
    limits: RolloutSettings, compared: int, requests: int
) -> None:
    live = Figures(compared=compared, changed=compared)
    assert rollout_rules.changed(Figures(requests=requests), live, limits, None) is None


def answering(mean: float, requests: int, spread: bool) -> Figures:
    """Return the figures of a thousand rows; `spread` by a quarter, or else not at all."""
    counts = {0.5: 500.0, 1.0: 1000.0} if spread else {1.0: 1000.0}
    return Figures(requests=requests, rows=1000, predicted=mean * 1000, predictions=Counter(counts))


@pytest.mark.parametrize(
    ("ours", "theirs", "about", "spread", "said"),
    [
        (0.5, 0.25, None, False, None),
        (0.25, 0.5, None, False, None),
        (0.51, 0.25, None, False, "0.25 apart is allowed"),
        (0.25, 0.51, None, False, "0.25 apart is allowed"),
        # Three standard errors of a quarter, over the roots of 100 and of 25 requests: 0.168.
        (0.51, 0.10, None, True, None),
        (0.52, 0.10, None, True, "0.25 apart is allowed"),
        (0.5, 0.25, expecting(shift=0.25), False, None),
        (0.8, 0.25, expecting(shift=0.25), False,
         "+0.000 to +0.500 was expected (on the holdout it was +0.250)"),
        (0.25, 0.3, expecting(shift=0.25), False,
         "+0.000 to +0.500 was expected (on the holdout it was +0.250)"),
    ],
)  # fmt: skip
def test_the_mean_prediction_may_lie_so_far_away(
    limits: RolloutSettings,
    ours: float, theirs: float, about: Expected | None, spread: bool, said: str | None,
) -> None:  # fmt: skip
    candidate, live = answering(ours, 100, spread), answering(theirs, 25, spread)
    found = rollout_rules.shift(candidate, live, limits, about)
    start = f"the mean prediction is {ours:.3f}, at live {theirs:.3f}: "
    assert (found and found.reason) == (said and start + said)


def test_a_mean_of_no_rows_says_nothing(limits: RolloutSettings) -> None:
    some, none = answering(0.9, 10, spread=False), Figures()
    assert rollout_rules.shift(some, none, limits, None) is None
    assert rollout_rules.shift(none, some, limits, None) is None


def test_no_known_answer_may_be_another(limits: RolloutSettings) -> None:
    assert rollout_rules.known(Figures(known=10), Figures(), limits, None) is None
    assert rollout_rules.known(Figures(known=10, wrong=1), Figures(), limits, None) is not None


@pytest.mark.parametrize(("fell", "expected"), [
    ({"requests": 4}, {"requests": 4, "rows": 9, "missing": {"humidity": 3}}),
    ({"rows": 4}, {"requests": 9, "rows": 4, "missing": {"humidity": 3}}),
    ({}, {"requests": 4, "rows": 4, "missing": {"humidity": 1}}),
    # Nothing was asked in between.
    ({"requests": 5, "rows": 5}, {"requests": 0, "rows": 0, "missing": {"humidity": 1}}),
])  # fmt: skip
def test_a_process_that_began_anew_counts_from_zero(
    fell: dict[str, Any], expected: dict[str, Any]
) -> None:
    then = Figures(requests=5, rows=5, missing=Counter({"humidity": 2}))
    now = Figures(**{"requests": 9, "rows": 9, "missing": Counter({"humidity": 3}), **fell})
    found = now - then
    assert {name: getattr(found, name) for name in expected} == expected


def test_an_uneven_spread_is_that_of_the_middles() -> None:
    counts = Counter({0.2: 10.0, 0.5: 40.0, 1.0: 50.0, math.inf: 50.0})
    middles, weights = (0.1, 0.35, 0.75), (0.2, 0.6, 0.2)
    mean = sum(m * w for m, w in zip(middles, weights, strict=True))
    variance = sum(w * (m - mean) ** 2 for m, w in zip(middles, weights, strict=True))
    assert figures.spread(counts) == pytest.approx(math.sqrt(variance))


def test_a_margin_has_the_errors_of_both_samples() -> None:
    assert Figure(0.5, 0.03).limits(0.1, 0.04, 2.0) == pytest.approx((0.3, 0.7))
