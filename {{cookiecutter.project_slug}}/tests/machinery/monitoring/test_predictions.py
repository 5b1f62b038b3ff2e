"""The prediction log as frames: whatever a crash, a release or a second writer left in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.features import origins
from lifecycle.contract.privacy import Privacy
from lifecycle.core.frames import arrays, learn
from lifecycle.monitoring.predictions import as_logged, compact, read
from lifecycle.serving.request import record_model, to_arrays
from project import features as definition

NOW = datetime(2026, 11, 24, 16, 40, 1, 123456, UTC)
NAME = "20261124T164001123456-77"
BARE = {
    "kind": "prediction", "time": NOW.isoformat(timespec="microseconds"), "row": 0,
    "request_id": "a", "model_version": "2", "variant": "live", "probability": 0.5,
    "decision": True,
}  # fmt: skip


def record(schema: Schema) -> dict[str, Any]:
    values: dict[str, Any] = {
        "datetime": "2013-05-31T17:45:00", "boolean": True, "string": "text", "integer": 5,
    }  # fmt: skip
    return {
        name: schema[name].categories[0] if schema[name].categories
        else values.get(schema[name].type, 12.5)
        for name in schema.request
    }  # fmt: skip


def prediction(schema: Schema, number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "prediction",
        "time": (NOW + timedelta(seconds=number)).isoformat(timespec="microseconds"),
        "request_id": f"request-{number}",
        "row": 0,
        "model_version": "2",
        "variant": "live",
        "received": record(schema),
        "features": {n: record(schema).get(n, 1.5) for n in features.names(schema)},
        "probability": 0.25,
        "decision": False,
        **changes,
    }


def refusal(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "refusal", "time": NOW.isoformat(timespec="microseconds"), "request_id": "refused",
        "model_version": "2", "status": 400, "fields": ["records.0.origin"],
        "error": "1 mistake in the request", **changes,
    }  # fmt: skip


def write(folder: Path, *lines: Any, name: str = f"{NAME}.jsonl", end: str = "\n") -> Path:
    folder.mkdir(exist_ok=True)
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path = folder / name
    path.write_text("\n".join(text) + end)
    return path


@pytest.mark.parametrize("null_share", [0.0, 0.5])
@pytest.mark.parametrize(
    ("kind", "value", "logged"),
    [("boolean", True, 1.0), ("boolean", False, 0.0), ("integer", 5, 5.0), ("float", 2.5, 2.5),
     ("category", "a", "a")],
)  # fmt: skip
def test_a_feature_is_read_as_the_service_logs_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    value: Any,
    logged: Any,
    null_share: float,
) -> None:
    monkeypatch.setattr(definition, "derive", lambda column, functions: {})
    more = {"categories": ["a", "b"]} if kind == "category" else {}
    schema = Schema.model_validate({"columns": {
        "id": {"type": "integer", "roles": ["key"], "description": "-"},
        "known": {"type": kind, "roles": ["feature"], "description": "-",
                  "null_share": null_share, **more},
        "late": {"type": "boolean", "roles": ["target"], "description": "-"},
    }})  # fmt: skip
    records = [record_model(schema)(id=1, known=value)]
    arrays_of = to_arrays(records, schema)
    line = {
        **BARE, "received": {"id": 1, "known": value},
        "features": {"known": arrays_of["known"].tolist()[0]},
    }  # fmt: skip
    log = read(write(tmp_path, line).parent, schema)
    assert (log.torn, log.predictions["feature.known"].to_list()) == (0, [logged])
    assert log.predictions["known"].to_list() == [value]


def test_no_folder_and_an_empty_one_are_an_empty_log(tmp_path: Path, schema: Schema) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        log = read(folder, schema)
        assert log.predictions.is_empty() and log.refusals.is_empty()
        assert (log.torn, log.duplicates, log.files) == (0, 0, 0)
        assert {"logged_at", "request_id", *schema.request} <= set(log.predictions.columns)
        assert log.predictions.schema["logged_at"] == pl.Datetime("us", "UTC")
    write(tmp_path, end="")
    assert read(tmp_path, schema).files == 1


def test_each_value_is_there_in_its_type(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path, prediction(schema), refusal(), prediction(schema, 1, decision=True))
    log = read(tmp_path, schema)
    first, second = log.predictions.to_dicts()
    assert first["logged_at"] == NOW and second["logged_at"] == NOW + timedelta(seconds=1)
    assert (first["request_id"], first["row"], first["model_version"], first["variant"]) == (
        "request-0", 0, "2", "live",
    )  # fmt: skip
    assert first["probability"] == 0.25 and [first["decision"], second["decision"]] == [False, True]
    given = record(schema)
    for name in schema.request:
        value = first[name].isoformat() if schema[name].type == "datetime" else first[name]
        assert value == given[name]
    assert all(first[f"feature.{name}"] is not None for name in features.names(schema))
    assert log.refusals.to_dicts() == [
        {"logged_at": NOW, **{k: v for k, v in refusal().items() if k not in ("kind", "time")}}
    ]


def test_features_that_were_logged_are_those_that_are_computed_again(
    tmp_path: Path, schema: Schema, rows: pl.DataFrame
) -> None:
    """Training/serving skew is found by this comparison: without skew it finds none."""
    learnt = learn(rows, schema)
    few = features.on_frame(schema, rows.head(50), learnt)
    names = features.names(schema)
    lines = [
        prediction(
            schema,
            number,
            received={k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in
                      few.select(schema.request).row(number, named=True).items()},
            features=few.select(names).row(number, named=True),
        )
        for number in range(50)
    ]  # fmt: skip
    write(tmp_path, *lines)
    log = read(tmp_path, schema).predictions
    again = arrays(features.on_frame(schema, log.select(schema.request), learnt), names)
    logged = arrays(log.select(pl.col(f"feature.{n}").alias(n) for n in names), names)
    for name in names:
        assert pl.Series(again[name]).to_list() == pytest.approx(
            pl.Series(logged[name]).to_list(), nan_ok=True
        ) or list(again[name]) == list(logged[name])


def test_what_is_torn_is_counted_and_the_rest_is_read(tmp_path: Path, schema: Schema) -> None:
    one = json.dumps(prediction(schema, 1))
    for damage in (
        one[:100],
        one + "\n" + one[:7],
        "\0" * 50,
        "{",
        "12",
        "[]",
        '{"kind": "prediction"}',
        one.replace(NOW.isoformat()[:10], "no time"),
        one[: len(one) // 2] + one,
    ):
        write(tmp_path, prediction(schema, 0), damage, end="")
        log = read(tmp_path, schema)
        assert log.torn == 1, damage
        assert "request-0" in log.predictions["request_id"]
        write(tmp_path, prediction(schema, 0), damage, prediction(schema, 2))
        log = read(tmp_path, schema)
        assert log.torn == 1, damage
        assert {"request-0", "request-2"} <= set(log.predictions["request_id"])


def test_an_open_file_is_read_like_a_closed_one(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path, prediction(schema, 0))
    write(tmp_path, prediction(schema, 1), name="20261124T174001000000-78.open.jsonl")
    write(tmp_path, "no line of ours", name="notes.txt")
    log = read(tmp_path, schema)
    assert log.predictions.height == log.files == 2 and log.torn == 0


def test_the_same_row_twice_is_read_once(tmp_path: Path, schema: Schema) -> None:
    every = [
        prediction(schema, 0), prediction(schema, 0, row=1),
        prediction(schema, 0, variant="shadow"), prediction(schema, 0, model_version="3"),
        prediction(schema, 0),
    ]  # fmt: skip
    write(tmp_path, *every)
    write(tmp_path, every[0], name="20261124T174001000000-78.jsonl")
    log = read(tmp_path, schema)
    assert log.predictions.height == 4 and log.duplicates == 2


def test_keys_of_another_release_are_no_obstacle(tmp_path: Path, schema: Schema) -> None:
    gone = schema.names("feature")[0]
    line = prediction(schema, 0, colour={"new": [1]})
    line["received"]["colour"] = "red"
    del line["received"][gone]
    line["features"]["colour"] = 3
    write(tmp_path, line, {"kind": "of a later release", "time": NOW.isoformat(), "row": "x"},
          prediction(schema, 1))  # fmt: skip
    log = read(tmp_path, schema)
    assert log.predictions.height == 2 and log.torn == 0
    assert log.predictions[gone].null_count() == 1 and "colour" not in log.predictions.columns


def test_since(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path, *(prediction(schema, number) for number in range(10)), refusal())
    log = read(tmp_path, schema, since=NOW + timedelta(seconds=7))
    assert log.predictions["request_id"].to_list() == ["request-7", "request-8", "request-9"]
    assert log.refusals.is_empty()


def test_compaction_changes_nothing_that_is_read(tmp_path: Path, schema: Schema) -> None:
    contributions = {**dict.fromkeys(features.names(schema), 0.5), "bias": -1.0}
    lines = [prediction(schema, 0), refusal(), prediction(schema, 1, contributions=contributions)]
    write(tmp_path, *lines, "{torn", end="")
    # Its writer is dead: nobody has it locked.
    write(tmp_path, prediction(schema, 2), name="20261124T174001000000-78.open.jsonl")
    before = read(tmp_path, schema)
    assert before.torn == 1
    assert compact(tmp_path, schema, keep_days=90, now=NOW) == 2
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".parquet"] * 2
    after = read(tmp_path, schema)
    assert after.predictions.equals(before.predictions) and after.refusals.equals(before.refusals)
    # Killed between the new file and the deletion of the old one, and run again.
    write(tmp_path, *lines)
    assert read(tmp_path, schema).predictions.equals(before.predictions)
    assert compact(tmp_path, schema, keep_days=90, now=NOW) == 1
    assert read(tmp_path, schema).predictions.equals(before.predictions)


def test_what_was_compacted_fits_a_schema_that_has_changed(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path, prediction(schema, 0))
    compact(tmp_path, schema, keep_days=90, now=NOW)
    dropped = schema.names("feature")[-1]
    fewer = schema.model_copy(
        update={"columns": tuple(c for c in schema.columns if c.name != dropped)}
    )
    write(tmp_path, prediction(schema, 1), name="20261124T174001000000-78.jsonl")
    assert read(tmp_path, Schema(columns=fewer.columns)).predictions.height == 2
    name = f"{NAME}.parquet"
    pl.read_parquet(tmp_path / name).drop(dropped).write_parquet(tmp_path / name)
    assert read(tmp_path, schema).predictions[dropped].null_count() == 1


def test_old_files_are_deleted(tmp_path: Path, schema: Schema) -> None:
    write(tmp_path, prediction(schema, 0))
    write(tmp_path, prediction(schema, 1), name="20260824T164001000000-78.parquet")
    write(tmp_path, prediction(schema, 2), name="20260824T164001-78.jsonl")
    write(tmp_path, "keep this", name="notes.txt")
    compact(tmp_path, schema, keep_days=90, now=NOW)
    assert {path.name for path in tmp_path.iterdir()} == {f"{NAME}.parquet", "notes.txt"}


def private(schema: Schema, **marked: str) -> Schema:
    columns = tuple(
        column.model_copy(update={"private": marked.get(column.name)}) for column in schema.columns
    )
    return Schema(columns=columns)


def test_the_columns_behind_each_feature(schema: Schema) -> None:
    found = origins(schema)
    assert list(found) == features.names(schema)
    assert found["dewpoint_spread"] == {"temperature", "dewpoint"}
    assert found["scheduled_minutes"] == {"scheduled_arrival_minute", "scheduled_departure"}
    assert found["weekday"] == {"scheduled_departure"} and found["origin"] == {"origin"}


def test_a_definition_that_cannot_be_followed_is_refused(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: dict[str, Any] = {"strange": lambda column, functions: abs(column("temperature"))}
    monkeypatch.setattr(definition, "derive", lambda column, functions: {
        name: made(column, functions) for name, made in followed.items()
    })  # fmt: skip
    assert origins(schema)["strange"] == {"temperature"}
    followed["strange"] = lambda column, functions: column("temperature").abs()
    with pytest.raises(StageError, match=r"features\.py: .* has no attribute 'abs'"):
        origins(schema)


def test_private_columns_are_not_in_the_log(tmp_path: Path, schema: Schema) -> None:
    hidden = private(schema, temperature="left_out", carrier="hashed", flight_number="hashed")
    privacy = Privacy(hidden, {"LOG_HASH_KEY": "secret"})
    line = prediction(schema, 0)
    line["contributions"] = {**dict.fromkeys(features.names(schema), 0.5), "bias": -1.0}
    received, computed = privacy.received(line["received"]), privacy.computed(line["features"])
    explained = privacy.explained(line["contributions"])
    assert "temperature" not in received and "flight_number" not in computed
    assert not {"temperature", "dewpoint_spread"} & {*computed, *explained}
    assert "carrier" not in explained and {"dewpoint", "bias"} <= set(explained)
    assert received["carrier"] == computed["carrier"] != line["received"]["carrier"]
    assert len(received["carrier"]) == 32
    assert received["origin"] == line["received"]["origin"]
    write(tmp_path, {**line, "received": received, "features": computed,
                     "contributions": explained})  # fmt: skip
    log = read(tmp_path, hidden).predictions
    assert "temperature" not in log.columns and "feature.dewpoint_spread" not in log.columns
    assert log["carrier"][0] == log["feature.carrier"][0] == received["carrier"]


def test_labels_join_by_hashed_keys(
    tmp_path: Path, schema: Schema, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_HASH_KEY", "secret")
    hidden = private(schema, carrier="hashed", flight_number="hashed", temperature="left_out")
    privacy, few = Privacy(hidden), rows.head(20)
    lines = []
    for number, row in enumerate(few.select(schema.request).to_dicts()):
        logged = privacy.received(row)
        text = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in logged.items()}
        lines.append(prediction(schema, number, received=text, features={}))
    write(tmp_path, *lines)
    keys = schema.names("key")
    labels = as_logged(few.select(*keys, "temperature", schema.target), hidden)
    assert "temperature" not in labels.columns
    joined = read(tmp_path, hidden).predictions.join(labels, on=keys)
    assert joined[schema.target].to_list() == few[schema.target].to_list()
    other = Privacy(hidden, {"LOG_HASH_KEY": "another"}).received(few.row(0, named=True))
    assert other["carrier"] != labels["carrier"][0]


@pytest.mark.parametrize(("environment", "message"), [
    ({}, "set LOG_HASH_KEY"),
    ({"LIFECYCLE_ENVIRONMENT": "staging", "LOG_HASH_KEY": ""}, "set LOG_HASH_KEY"),
    ({"LOG_HASH_KEY": "x" * 65}, "longer than 64 bytes"),
])  # fmt: skip
def test_without_a_key_nothing_is_hashed(
    schema: Schema, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(StageError, match=message):
        Privacy(private(schema, carrier="hashed"), environment)
    Privacy(private(schema, carrier="left_out"), {})
    Privacy(private(schema, carrier="hashed"), {"LIFECYCLE_ENVIRONMENT": "development"})
