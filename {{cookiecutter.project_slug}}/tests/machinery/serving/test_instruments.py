"""What a worker counts is what was asked of it, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workers import Worker, make_home, sample_of, start

from lifecycle.contract.columns import Schema
from project.model import Model


@pytest.fixture(scope="module")
def worker(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    found = start(
        make_home(release, tmp_path_factory.mktemp("home") / "src"),
        tmp_path_factory.mktemp("w"),
        "a",
    )
    try:
        found.wait_until_ready()
        yield found
    finally:
        found.process.kill()
        found.process.wait()


class Growth:
    """How much each sample has grown since."""

    def __init__(self, worker: Worker) -> None:
        self._worker, self._before = worker, worker.metrics()

    def __call__(self, name: str, **labels: str) -> float:
        sample = sample_of(name, **labels)
        return self._worker.metrics()[sample] - self._before.get(sample, 0)


def test_rows_missing_values_and_predictions(
    worker: Worker, records: list[Any], schema: Schema, release: Path
) -> None:
    grown = Growth(worker)
    nullable = next(n for n in schema.names("feature") if schema[n].null_share > 0)
    opened = next(n for n in schema.names("feature") if schema[n].unknown_share > 0)
    rows = [*records[:40], {**records[0], nullable: None}, {**records[0], opened: "never seen"}]
    answers = worker.predict(rows)["predictions"]
    assert grown("lifecycle_requests_total", variant="live", status="200") == 1
    assert grown("lifecycle_request_seconds_count", variant="live") == 1
    assert 0 < grown("lifecycle_request_seconds_sum", variant="live") < 5
    assert grown("lifecycle_rows_total", variant="live") == len(rows)
    for name in schema.names("feature"):
        nulls = sum(row[name] is None for row in rows)
        assert grown("lifecycle_missing_total", variant="live", feature=name) == nulls
    codes = Model.load(release / "model.ubj").codes
    for name, known in codes.items():
        unknown = sum(row[name] not in known for row in rows if row[name] is not None)
        assert grown("lifecycle_unknown_total", variant="live", feature=name) == unknown
    positive = sum(answer[schema.target] for answer in answers)
    for value, count in (("true", positive), ("false", len(rows) - positive)):
        assert grown("lifecycle_decisions_total", variant="live", decision=value) == count
    probabilities = [answer["probability"] for answer in answers]
    for bound in (0.05, 0.3, 0.5, 0.95, 1.0):
        below = sum(probability <= bound for probability in probabilities)
        assert grown("lifecycle_prediction_bucket", variant="live", le=str(bound)) == below
    assert grown("lifecycle_prediction_sum", variant="live") == pytest.approx(sum(probabilities))
    for side, total in (("above", sum(probabilities)), ("below", 0)):
        assert grown("lifecycle_predicted_total", variant="live", side=side) == pytest.approx(total)
    assert worker.metrics()["lifecycle_prediction_unit"] == 1


def test_what_is_derived_counts_as_missing_too(worker: Worker, records: list[Any]) -> None:
    grown = Growth(worker)
    worker.predict([{**records[0], "temperature": None}])
    assert grown("lifecycle_missing_total", variant="live", feature="dewpoint_spread") == 1


def test_requests_by_status(worker: Worker, records: list[Any]) -> None:
    worker.ask("/v1/predict", b"{")
    worker.ask("/v1/predict")
    worker.ask("/v1/model", b"{}")
    grown = Growth(worker)
    for _ in range(3):
        worker.ask("/v1/predict", b"{")
    worker.predict(records[:1])
    # No prediction: these are refused and not counted among the requests to predict.
    worker.ask("/v1/predict")
    worker.ask("/v1/model", b"{}")
    assert grown("lifecycle_requests_total", variant="live", status="400") == 3
    assert grown("lifecycle_requests_total", variant="live", status="200") == 1
    assert grown("lifecycle_request_seconds_count", variant="live") == 1
    assert grown("lifecycle_refusals_total", status="400") == 3
    assert grown("lifecycle_refusals_total", status="405") == 2


def test_variants_are_counted_apart(worker: Worker, records: list[Any]) -> None:
    grown = Growth(worker)
    for variant, times in (("probe", 1), ("shadow", 2), ("nonsense", 3)):
        for _ in range(times):
            worker.predict(records[:1], X_Lifecycle_Variant=variant)
    for variant, times in (("probe", 1), ("shadow", 2), ("live", 3)):
        assert grown("lifecycle_rows_total", variant=variant) == times


def test_every_series_stands_there_from_the_start(worker: Worker, schema: Schema) -> None:
    worker.ask("/v1/predict", b"{", X_Lifecycle_Variant="probe")
    found = worker.metrics()
    for name in schema.names("feature"):
        assert sample_of("lifecycle_missing_total", variant="probe", feature=name) in found
    assert "lifecycle_log_failures_total" in found
    assert any(name.startswith("bentoml_service_request_total") for name in found)
