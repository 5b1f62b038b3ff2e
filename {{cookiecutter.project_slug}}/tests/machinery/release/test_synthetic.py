"""Made-up values are of no row, and valid: the request's own model takes them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features, privacy
from lifecycle.contract.columns import Column, Schema
from lifecycle.core import frames
from lifecycle.core.params import Params
from lifecycle.pipeline import evaluate
from lifecycle.records import synthetic, tracking
from lifecycle.release.smoke_request import smoke
from lifecycle.serving.request import record_model
from project import model

KINDS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "category", "categories": ["a", "b", "c"]},
    {"type": "category", "categories": ["a"], "unknown_share": 0.1},
    {"type": "boolean"},
    {"type": "datetime"},
    {"type": "integer"},
    {"type": "integer", "minimum": 1, "maximum": 9999},
    {"type": "integer", "minimum": 2.5, "maximum": 4.5},
    {"type": "integer", "maximum": -7},
    {"type": "float"},
    {"type": "float", "minimum": 850, "maximum": 1100},
    {"type": "float", "minimum": 3, "maximum": 3},
    {"type": "float", "maximum": -1000, "null_share": 0.5},
    {"type": "string", "null_share": 0.5},
]


def schema_of(**definition: Any) -> Schema:
    """Return a schema with one private key beside what every schema has."""
    others = {
        "moment": {"type": "datetime", "roles": ["key", "time"], "description": "When"},
        "size": {"type": "float", "roles": ["feature"], "description": "How much"},
        "outcome": {"type": "boolean", "roles": ["target"], "description": "What became of it"},
    }
    own = {"roles": ["key"], "description": "Whose", "private": "hashed", **definition}
    return Schema.model_validate({"columns": {"secret": own, **others}})


def with_private(schema: Schema, *names: str) -> Schema:
    """Return the real schema with some columns marked private."""
    changed = [
        column.model_copy(update={"private": "left_out"}) if column.name in names else column
        for column in schema.columns
    ]
    return Schema(columns=tuple(changed))


@pytest.mark.parametrize("definition", KINDS, ids=str)
def test_a_made_up_value_of_every_kind_is_valid_in_a_request(definition: dict[str, Any]) -> None:
    schema = schema_of(**definition)
    kind = record_model(schema)
    values = [synthetic.value(schema["secret"], number) for number in range(300)]
    for value in values:
        sent = value.isoformat() if isinstance(value, datetime) else value
        kind.model_validate({"secret": sent, "moment": "2013-01-05T10:00:00", "size": 1.0})
    assert (None in values) == (schema["secret"].null_share > 0)


def test_the_rows_of_a_key_differ_and_features_are_spread() -> None:
    key = Column.model_validate({
        "name": "k", "type": "integer", "roles": ["key"], "description": "d", "maximum": 9999,
    })  # fmt: skip
    assert len({synthetic.value(key, number) for number in range(1000)}) == 1000
    feature = key.model_copy(update={"roles": ("feature",), "minimum": 0})
    some = [synthetic.value(feature, number) for number in range(20)]
    assert max(some) - min(some) > 8000


@pytest.mark.parametrize("private", [
    ("flight_number",), ("carrier", "flight_number"), ("destination", "temperature", "wind_gust"),
])  # fmt: skip
def test_no_private_value_is_in_the_smoke_request_and_its_answers_are_those_to_what_is_sent(
    project: Path, params: Params, schema: Schema, private: tuple[str, ...]
) -> None:
    holdout = pl.read_parquet(project / params.paths.holdout)
    # What only these rows have: no made-up value could be it by accident.
    holdout = holdout.with_columns(
        pl.lit("CANARY").alias(name) if schema[name].categories
        else pl.lit(9876 if schema[name].type == "integer" else 77.123457).alias(name)
        for name in private
    ).with_columns(pl.col(schema.clock))  # fmt: skip
    hidden = with_private(schema, *private)
    fitted = model.Model.load(project / params.paths.model)
    found = smoke(holdout, hidden, fitted, params.serve.maximum_rows)
    records = found["request"]["records"]
    assert records
    for name in private:
        allowed = {synthetic.value(hidden[name], n) for n in range(len(records))}
        assert {record[name] for record in records} <= allowed
    kind = record_model(hidden)
    sent = [kind.model_validate(record).model_dump() for record in records]
    frame = pl.DataFrame(sent, schema=holdout.select(schema.request).schema, orient="row")
    whole = features.on_frame(hidden, frame, fitted.fitted)
    again = fitted.predict(frames.arrays(whole, list(fitted.names)))
    assert again.tolist() == found["probabilities"]


def test_nobody_asks_a_model_without_attributions_to_explain(
    project: Path, params: Params, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    holdout = pl.read_parquet(project / params.paths.holdout)
    fitted = model.Model.load(project / params.paths.model)
    before = smoke(holdout, schema, fitted, params.serve.maximum_rows)
    assert set(before["request"]) == {"records"}
    monkeypatch.setattr(model.Model, "contributions", lambda self, columns: None)
    found = smoke(holdout, schema, fitted, params.serve.maximum_rows)
    assert found["request"] == {**before["request"], "explain": False}
    assert found["probabilities"] == before["probabilities"]
    columns = frames.arrays(holdout, list(fitted.names))
    assert evaluate.attributions(fitted, columns, 5) == []


def test_a_public_smoke_request_is_of_real_rows(
    project: Path, params: Params, schema: Schema
) -> None:
    holdout = pl.read_parquet(project / params.paths.holdout)
    rows = holdout.head(20)
    found = synthetic.without_private(rows, schema, {})
    assert found.select(schema.request).equals(rows.select(schema.request))


@pytest.mark.parametrize(
    ("hidden", "feature", "kept"),
    [
        ((), "weekday", True),
        (("temperature",), "weekday", True),
        (("temperature",), "dewpoint_spread", False),
    ],
)
def test_what_no_made_up_value_has_a_part_in_stays_as_the_pipeline_computed_it(
    project: Path, params: Params, schema: Schema, hidden: tuple[str, ...], feature: str, kept: bool
) -> None:
    """Else the smoke check would compare the definition of today with itself."""
    rows = pl.read_parquet(project / params.paths.holdout).head(20)
    otherwise = rows.with_columns(pl.lit(99, rows[feature].dtype).alias(feature))
    found = synthetic.without_private(otherwise, with_private(schema, *hidden), {})
    assert (found[feature] == 99).all() is kept


def test_a_model_learns_no_category_of_a_private_column_that_the_schema_does_not_list(
    schema: Schema,
) -> None:
    hidden = with_private(schema, "destination")
    values = {"destination": ["ATL", "CANARY", None], "origin": ["EWR", "CANARY", None]}
    columns = {name: np.array(texts, object) for name, texts in values.items()}
    found = frames.categories(columns, hidden.private_categories)
    assert found == {"destination": ["ATL"], "origin": ["CANARY", "EWR"]}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("destination", "ATL", "ATL"),
        ("destination", "CANARY", privacy.UNTOLD),
        ("temperature", 77.5, privacy.UNTOLD),
        ("dewpoint_spread", 3.5, privacy.UNTOLD),
        ("origin", "CANARY", "CANARY"),
        ("weekday", 3, "3"),
    ],
)
def test_a_report_names_only_what_the_schema_lists(
    schema: Schema, name: str, value: Any, told: str
) -> None:
    assert privacy.shown(with_private(schema, "destination", "temperature"), name, value) == told


def test_the_tracking_stores_example_has_no_private_value(
    project: Path, params: Params, schema: Schema
) -> None:
    hidden = with_private(schema, "flight_number", "carrier")
    mlflow = tracking.connect(project)
    experiment = tracking.experiment(mlflow, project, params.project.name)
    # Another model, so that it is logged anew.
    with (project / params.paths.model).open("ab") as handle:
        handle.write(b" ")
    rows = pl.read_parquet(project / params.paths.train)
    rows = rows.with_columns(carrier=pl.lit("CANARY"), flight_number=pl.lit(7654321))
    rows.write_parquet(project / params.paths.train)
    run_id = tracking.log_model_run(project, params, hidden)
    assert mlflow.MlflowClient().get_run(run_id).info.experiment_id == experiment
    examples = list((project / "mlartifacts").rglob("*example*"))
    assert len(examples) >= 2
    texts = [path.read_text(encoding="utf-8") for path in examples]
    assert [text for text in texts if "CANARY" in text or "7654321" in text] == []
