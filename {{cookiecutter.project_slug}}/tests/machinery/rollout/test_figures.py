"""What a worker counted, as the rollout's rules read it: sums, differences, quantiles."""

from __future__ import annotations

from collections import Counter

import pytest

from lifecycle.rollout import figures
from lifecycle.rollout.figures import Figures

TEXT = """\
# TYPE lifecycle_requests_total counter
lifecycle_requests_total{status="200",variant="live"} 90
lifecycle_requests_total{status="400",variant="live"} 7
lifecycle_requests_total{status="500",variant="live"} 2
lifecycle_requests_total{status="504",variant="live"} 1
lifecycle_requests_total{status="200",variant="probe"} 10
lifecycle_requests_total{status="500",variant="shadow"} 1000
# TYPE lifecycle_rows_total counter
lifecycle_rows_total{variant="live"} 180
lifecycle_rows_total{variant="shadow"} 1000
# TYPE lifecycle_missing_total counter
lifecycle_missing_total{feature="wind_gust",variant="live"} 40
lifecycle_missing_total{feature="wind_gust",variant="probe"} 2
lifecycle_missing_total{feature="humidity",variant="shadow"} 1000
# TYPE lifecycle_request_seconds histogram
lifecycle_request_seconds_bucket{le="0.01",variant="live"} 50
lifecycle_request_seconds_bucket{le="0.1",variant="live"} 90
lifecycle_request_seconds_bucket{le="+Inf",variant="live"} 100
# TYPE lifecycle_prediction histogram
lifecycle_prediction_bucket{le="0.5",variant="live"} 100
lifecycle_prediction_bucket{le="1.0",variant="live"} 180
lifecycle_prediction_bucket{le="+Inf",variant="live"} 180
lifecycle_prediction_sum{variant="live"} 63.5
# TYPE lifecycle_shadow_rows_total counter
lifecycle_shadow_rows_total{candidate="2-new"} 30
# TYPE lifecycle_shadow_changed_total counter
lifecycle_shadow_changed_total{candidate="2-new"} 3
# TYPE lifecycle_shadow_failed_total counter
lifecycle_shadow_failed_total{candidate="2-new"} 5
# TYPE python_info gauge
python_info{version="3.11"} 1
"""


def test_requests_are_added_up_over_the_variants_that_are_asked_for() -> None:
    found = figures.read(TEXT, ("live", "probe"))
    # 400 is the client's mistake; only 5xx is a failure.
    assert (found.requests, found.failed, found.rows) == (110, 3, 180)
    assert found.missing == {"wind_gust": 42}
    assert found.seconds == {0.01: 50, 0.1: 90, float("inf"): 100}
    assert found.predictions[0.5] == 100 and found.predicted == 63.5
    assert (found.compared, found.changed, found.not_answered) == (30, 3, 5)
    other = figures.read(TEXT, ("shadow",))
    assert (other.requests, other.failed, other.missing) == (1000, 1000, {"humidity": 1000})


def test_what_was_predicted_is_added_up_on_both_sides_of_nought() -> None:
    sides = (
        "# TYPE lifecycle_predicted_total counter\n"
        'lifecycle_predicted_total{side="above",variant="live"} 100\n'
        'lifecycle_predicted_total{side="below",variant="live"} 160\n'
        'lifecycle_predicted_total{side="above",variant="shadow"} 7\n'
    )
    # A worker that tells both is not counted twice; each in the unit of its task.
    assert figures.read(TEXT + sides, ("live",), 20).predicted == -3
    assert figures.read(TEXT, ("live",), 20).predicted == 63.5 / 20


def test_nothing_counted_is_nothing() -> None:
    assert figures.read("", ("live",)) == Figures()
    assert figures.quantile(Counter(), 0.95) == 0 and figures.spread(Counter()) == 0


def test_a_difference_is_what_was_counted_between() -> None:
    then = figures.read(TEXT, ("live",))
    now = figures.read(TEXT.replace("} 90", "} 95").replace("} 40", "} 44"), ("live",))
    found = now - then
    assert found.requests == 5 and found.failed == 0
    assert found.missing == {"wind_gust": 4}
    assert found.seconds == {0.01: 0, 0.1: 5, float("inf"): 0}
    assert found.as_dict() == {
        "requests": 5, "failed": 0, "rows": 0, "compared": 0, "changed": 0, "known": 0, "wrong": 0,
    }  # fmt: skip


def test_a_series_that_came_later_counts_from_nothing() -> None:
    now, then = Figures(missing=Counter({"new": 3})), Figures()
    assert (now - then).missing == {"new": 3}


@pytest.mark.parametrize(("share", "value"), [
    (0.25, 0.005), (0.5, 0.01), (0.7, 0.055), (0.9, 0.1), (0.95, 0.1), (1.0, 0.1),
])  # fmt: skip
def test_a_quantile_is_that_of_prometheus(share: float, value: float) -> None:
    """Linear within a bucket; what lies above the last limit counts as that limit."""
    counts = Counter({0.01: 50, 0.1: 90, float("inf"): 100})
    assert figures.quantile(counts, share) == pytest.approx(value)


def test_an_empty_bucket_is_passed_over() -> None:
    counts = Counter({0.01: 0, 0.1: 0, 1.0: 10, float("inf"): 10})
    assert figures.quantile(counts, 0.5) == pytest.approx(0.55)


def test_the_spread_is_taken_at_the_middle_of_the_buckets() -> None:
    even = Counter({0.5: 50, 1.0: 100, float("inf"): 100})
    assert figures.spread(even) == pytest.approx(0.25)
    assert figures.spread(Counter({0.5: 100, 1.0: 100, float("inf"): 100})) == 0
