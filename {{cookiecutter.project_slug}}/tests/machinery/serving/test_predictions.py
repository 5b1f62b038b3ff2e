"""The service gives the pipeline's numbers, to the last bit, and says which model gave them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.files import md5
from lifecycle.core.frames import arrays
from lifecycle.serving.predictor import Predicted
from lifecycle.serving.turn import Turn
from project.model import Model

TYPES: dict[str, Any] = {
    "integer": pl.Int64, "float": pl.Float64, "boolean": pl.Boolean, "category": pl.String,
    "string": pl.String,
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(schema: Schema, draw_more: Callable[[int], list[Any]]) -> list[dict[str, Any]]:
    """Rows that the model has not seen, every null alone, and an unknown category."""
    drawn = draw_more(500)
    nullable = [name for name in schema.request if schema[name].null_share > 0]
    drawn += [{**drawn[0], name: None} for name in nullable]
    drawn.append({**drawn[0], **dict.fromkeys(nullable)})
    opened = [c.name for c in schema.columns if c.name in schema.request and c.unknown_share > 0]
    drawn += [{**drawn[0], name: "never seen"} for name in opened]
    return drawn


@pytest.fixture(scope="module")
def expected(release: Path, schema: Schema, rows: list[dict[str, Any]]) -> Any:
    """What the pipeline says about them."""
    frame = pl.DataFrame(
        rows, schema={n: TYPES.get(schema[n].type, pl.String) for n in schema.request}
    ).with_columns(pl.col(schema.clock).str.to_datetime())
    model = Model.load(release / "model.ubj")
    columns = arrays(features.on_frame(schema, frame, model.fitted), list(model.names))
    return model.predict(columns)


def test_the_service_gives_the_pipelines_numbers(
    client: TestClient, rows: list[dict[str, Any]], expected: Any
) -> None:
    answer = client.post("/v1/predict", json={"records": rows}).json()
    got = np.array([p["probability"] for p in answer["predictions"]], np.float32)
    np.testing.assert_array_equal(got.view(np.int32), expected.view(np.int32))


def test_a_row_gets_the_same_number_alone(
    client: TestClient, rows: list[dict[str, Any]], expected: Any
) -> None:
    for row, probability in list(zip(rows, expected, strict=True))[-20:]:
        answer = client.post("/v1/predict", json={"records": [row]}).json()
        assert np.float32(answer["predictions"][0]["probability"]) == probability


def test_the_decision_follows_the_threshold(
    client: TestClient, rows: list[dict[str, Any]], expected: Any, schema: Schema, real_params: Any
) -> None:
    answer = client.post("/v1/predict", json={"records": rows}).json()
    decisions = [p[schema.target] for p in answer["predictions"]]
    assert decisions == (expected >= real_params.evaluate.threshold).tolist()
    assert len(set(decisions)) == 2


def test_contributions_sum_to_the_log_odds(
    client: TestClient, rows: list[dict[str, Any]], schema: Schema
) -> None:
    body = {"records": rows[-30:], "explain": True}
    for prediction in client.post("/v1/predict", json=body).json()["predictions"]:
        given = prediction["contributions"]
        assert set(given) == {*features.names(schema), "bias"}
        probability = prediction["probability"]
        log_odds = np.log(probability / (1 - probability))
        assert sum(given.values()) == pytest.approx(log_odds, abs=1e-4)


def test_no_explanation_unless_asked(client: TestClient, good: dict[str, Any]) -> None:
    assert "contributions" not in client.post("/v1/predict", json=good).text
    del good["explain"]
    assert client.post("/v1/predict", json=good).status_code == 200


def test_a_kind_of_model_without_attributions_refuses_to_explain(
    client: TestClient, good: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "contributions", lambda self, columns: None)
    refused = client.post("/v1/predict", json={**good, "explain": True})
    assert refused.status_code == 400
    none = "this kind of model has no attributions: leave explain out"
    assert refused.json()["error"] == none
    assert refused.json()["details"] == [{"field": "explain", "problem": none}]
    answered = client.post("/v1/predict", json=good)
    assert answered.status_code == 200
    assert len(answered.json()["predictions"]) == len(good["records"])


def test_an_unknown_category_is_counted(
    client: TestClient, rows: list[dict[str, Any]], schema: Schema
) -> None:
    opened = [n for n in schema.names("feature") if schema[n].unknown_share > 0]
    if not opened:
        pytest.skip("every category of schema.yaml is closed")
    guard: Any = client.app
    counter = guard.app.answering.instruments.unknown.labels("live", opened[0])
    before = counter._value.get()
    record = {**rows[0], opened[0]: "never seen"}
    assert client.post("/v1/predict", json={"records": [record] * 3}).status_code == 200
    assert counter._value.get() == before + 3


@pytest.mark.parametrize("given", ["abc-1.2:3_X", "0" * 128])
def test_a_sane_request_id_is_kept(client: TestClient, good: dict[str, Any], given: str) -> None:
    answer = client.post("/v1/predict", json=good, headers={"X-Request-ID": given})
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "0" * 129, "<script>", "a/b"])
def test_any_other_request_id_is_replaced(
    client: TestClient, good: dict[str, Any], given: str
) -> None:
    for body in (good, {}):
        answer = client.post("/v1/predict", json=body, headers={"X-Request-ID": given})
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"] != given
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])


def test_the_service_says_which_model_it_serves(
    client: TestClient, release: Path, good: dict[str, Any]
) -> None:
    about = client.get("/v1/model").json()
    assert about == {"name": "tiny", "version": "3", "model_md5": md5(release / "model.ubj"),
                     "git_commit": "0" * 40}  # fmt: skip
    assert client.post("/v1/predict", json=good).json()["model_version"] == about["version"]
    assert client.post("/v1/model").status_code == 405


def test_the_openapi_document_names_every_field_with_its_limits(
    client: TestClient, schema: Schema
) -> None:
    document = client.get("/docs.json").json()
    record = document["components"]["schemas"]["Record"]
    assert record["required"] == schema.request and record["additionalProperties"] is False
    for name in schema.request:
        column, field = schema[name], record["properties"][name]
        assert column.description in field["description"] and column.unit in field["description"]
        kinds = field.get("anyOf", [field])
        assert ({"type": "null"} in kinds) == (column.null_share > 0)
        if column.type in ("float", "integer"):
            assert kinds[0]["type"] == {"float": "number", "integer": "integer"}[column.type]
            assert column.minimum is None or kinds[0]["minimum"] == column.minimum
            assert column.maximum is None or kinds[0]["maximum"] == column.maximum
        if column.type == "category" and column.unknown_share == 0:
            assert kinds[0]["enum"] == list(column.categories)


def test_the_openapi_document_has_the_refusals_and_every_route(client: TestClient) -> None:
    paths = client.get("/docs.json").json()["paths"]
    predict = paths["/v1/predict"]["post"]
    assert {"200", "400", "401", "408", "413", "415"} <= set(predict["responses"])
    assert "get" in paths["/v1/model"] and "post" not in paths["/v1/model"]
    # Probes and metrics are not for clients: the proxy does not pass them on.
    assert set(paths) == {"/v1/predict", "/v1/model"}


def test_the_page_asks_nobody_else(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "http" not in page.text
    for asset in re.findall(r'(?:src|href|url: )="?\./([^"]+)"', page.text):
        assert client.get(f"/{asset}").status_code == 200


def test_what_arrives_in_one_turn_is_predicted_in_one_call() -> None:
    calls: list[list[int]] = []

    def predict(rows: Sequence[int]) -> Predicted:
        calls.append(list(rows))
        if 13 in rows:
            raise ValueError("no such row")
        scores = np.array(rows) / 100
        return Predicted([{} for _ in rows], scores, scores.tolist(), [False for _ in rows])

    async def ask(*requests: list[int]) -> list[Any]:
        turn = Turn(predict)
        waiting = (turn.predict(rows) for rows in requests)
        return await asyncio.gather(*waiting, return_exceptions=True)

    found = asyncio.run(ask([1], [2, 3], [4]))
    assert calls == [[1, 2, 3, 4]]
    assert [one.scores.tolist() for one in found] == [[0.01], [0.02, 0.03], [0.04]]
    calls.clear()
    first, bad, last = asyncio.run(ask([1], [13], [4]))
    assert calls == [[1, 13, 4], [1], [13], [4]]
    assert (first.scores.tolist(), last.scores.tolist()) == ([0.01], [0.04])
    assert (first.values, last.values) == ([0.01], [0.04])
    assert isinstance(bad, ValueError)


def test_a_failure_is_a_500_of_the_usual_form(
    client: TestClient, good: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    guard: Any = client.app

    def fail(*_: Any) -> None:
        raise RuntimeError("a secret of the service")

    with monkeypatch.context() as patch:
        patch.setattr(guard.app.answering.predictor.model.__class__, "predict", fail)
        answer = client.post("/v1/predict", json=good)
    assert answer.status_code == 500 and set(answer.json()) == {"error", "details", "request_id"}
    assert "secret" not in answer.text
    assert client.post("/v1/predict", json=good).status_code == 200


def test_an_explanation_that_takes_too_long_is_a_504(
    client: TestClient, good: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering: Any = client.app.app.answering  # type: ignore[attr-defined]
    release = answering.release.model_copy(update={"timeout_seconds": 0.0})
    with monkeypatch.context() as patch:
        patch.setattr(answering, "release", release)
        answer = client.post("/v1/predict", json={**good, "explain": True})
    assert answer.status_code == 504 and set(answer.json()) == {"error", "details", "request_id"}
