"""What is decided of a whole table: task, roles, key, time, floors."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
import yaml
from adopt.made import TRAIN, settled, table
from sklearn.metrics import roc_auc_score

from lifecycle.adopt import settle
from lifecycle.adopt.asked import Asked, Said
from lifecycle.adopt.opening import Opened
from lifecycle.adopt.plan import Plan
from lifecycle.contract import features, model_file
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.core.frames import arrays, labels
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import ingest, prepare, train
from lifecycle.pipeline.source import Reader
from project import features as derived
from project import source


def test_a_plain_table_has_a_key_features_and_a_target() -> None:
    plan, _ = settled(table(), "bought")
    assert {name: one["roles"] for name, one in plan.schema.items()} == {
        "id": ["key"], "size": ["feature"], "share": ["feature"], "colour": ["feature"],
        "bought": ["target"],
    }  # fmt: skip
    assert plan.schema["bought"]["type"] == "boolean"
    assert "data.window" not in plan.params
    assert plan.params["prepare.holdout_share"] == 0.2
    limits = plan.params["gate.metrics"]["roc_auc"]
    assert 0.55 < limits["minimum"] < 0.75 < limits["maximum"] < 1


def test_rows_without_an_identifier_are_numbered() -> None:
    plan, said = settled(table().drop("id"), "bought")
    assert plan.schema["row_number"] | {"description": ""} == {
        "type": "integer", "roles": ["key"], "minimum": 0, "description": ""
    }  # fmt: skip
    assert plan.params["data.source"]["number_rows"] == "row_number"
    assert [line for line in said.unsure if line.startswith("key")]


def test_a_shuffled_target_lies_below_the_floor_of_the_real_one() -> None:
    frame = table(3_000)
    real = settled(frame, "bought")[0].params["gate.metrics"]["roc_auc"]["minimum"]
    shuffled, said = settled(frame.with_columns(pl.col("bought").shuffle(seed=1)), "bought")
    assert real > 0.55
    assert [line for line in said.flagged if "no better than a constant" in line]
    assert shuffled.params["gate.metrics"]["roc_auc"]["minimum"] > 0.5


def test_strange_names_are_renamed_and_stand_in_the_source_s_settings() -> None:
    frame = table().rename({"size": "Total Amount (€)", "share": "class", "colour": "日付"})
    plan, _ = settled(frame, "bought")
    assert list(plan.schema) == ["id", "total_amount", "class_column", "日付", "bought"]
    renamed = {"Total Amount (€)": "total_amount", "class": "class_column"}
    assert plan.params["data.source"]["columns"] == renamed
    assert plan.schema["total_amount"]["description"] == "Total Amount (€)"


def test_odd_columns_are_flagged_and_kept_from_the_model() -> None:
    rows = 400
    frame = table(rows).with_columns(
        pl.lit("same").alias("constant"), pl.Series("user_id", np.arange(rows) // 2),
        pl.Series("prose", [f"word {n}" for n in range(rows)]),
        pl.lit(None, pl.String).alias("empty"),
    )  # fmt: skip
    plan, said = settled(frame, "bought", group="none")
    for name in ("constant", "user_id", "prose", "empty"):
        assert plan.schema[name]["roles"] == ["ignored"], name
        assert [line for line in said.flagged if line.startswith(name)], name


def test_repeated_identifiers_are_a_group_where_there_is_no_time() -> None:
    frame = table().with_columns(pl.Series("customer_id", np.arange(400) // 5))
    plan, said = settled(frame, "bought")
    assert plan.schema["customer_id"]["roles"] == ["group"]
    assert [line for line in said.unsure if line.startswith("group: customer_id")]


def test_time_is_found_with_its_windows_and_days_held_out() -> None:
    begin = datetime(2020, 1, 1)
    frame = table(2_000).with_columns(
        pl.Series("day", [begin + timedelta(days=n * 365 / 2_000) for n in range(2_000)])
    )
    plan, said = settled(frame, "bought")
    assert plan.schema["day"]["roles"] == ["time"]
    assert plan.params["data.window"] == {"start": "2020-01", "end": "2020-12"}
    assert 60 <= plan.params["prepare.holdout_days"] <= 100
    assert [line for line in said.unsure if line.startswith("time: day")]
    assert "data.window" not in settled(frame, "bought", time="none")[0].params


@pytest.mark.parametrize(
    ("frame", "asked", "said"),
    [
        (table(), {"target": "boght"}, r"TARGET=boght: .*did you mean bought\?: it has id"),
        (table().with_columns(bought=True), {}, "has one value in every row"),
        (table().with_columns(bought=pl.lit(None, pl.Boolean)), {}, "has no value in any row"),
        (table().with_columns(bought=pl.Series([f"c{n}" for n in range(400)])), {},
         "has 400 values, and classes are at most 200: name a column"),
        (table(20), {}, "20 rows, and fewer than 40"),
        (table().clear(), {}, "a header and no rows"),
        (table().select("id", "bought"), {}, "no column is left that the model"),
        (table(), {"task": "bineary"}, "TASK=bineary is none of binary, multiclass, regression"),
        (table(), {"time": "size"}, "TIME=size has no moments"),
        (table(), {"key": ("colour",)}, "KEY=colour is the same, or empty, in more than one row"),
        (table(), {"task": "regression", "target": "colour"}, "is a category, and no number"),
        (table(), {"target": "colour", "positive": "red", "task": "binary"}, "has 3 values, not"),
        (table(), {"sensitive": ("size",)}, "SENSITIVE=size has .* values, and groups are at"),
    ],
)  # fmt: skip
def test_what_cannot_be_adopted_is_one_line(
    frame: pl.DataFrame, asked: dict[str, str], said: str
) -> None:
    given = {"target": "bought", **asked}
    with pytest.raises(StageError, match=said):
        settled(frame, **given)


def test_a_binary_target_of_two_texts_names_the_positive_one() -> None:
    frame = table().with_columns(
        pl.when("bought").then(pl.lit("yes")).otherwise(pl.lit("no")).alias("bought")
    )
    plan, said = settled(frame, "bought")
    assert plan.schema["bought"] | {"description": ""} == {
        "type": "category", "roles": ["target"], "description": "", "categories": ["no", "yes"],
        "positive": "yes",
    }  # fmt: skip
    assert [line for line in said.unsure if line.startswith("positive: 'yes'")]
    assert settled(frame, "bought", positive="no")[0].schema["bought"]["positive"] == "no"


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (("0.0", "1.0"), {"type": "boolean"}),
        (("1.0", "2.0"), {"type": "category", "categories": ["1.0", "2.0"], "positive": "2.0"}),
        (("1.50", "0"), {"type": "category", "categories": ["0", "1.50"], "positive": "0"}),
    ],
)
def test_a_binary_target_may_be_written_as_numbers(
    of: tuple[str, str], kind: dict[str, object]
) -> None:
    frame = table()
    word = pl.when("bought").then(pl.lit(of[1])).otherwise(pl.lit(of[0])).alias("bought")
    asked = {"positive": of[1]} if "positive" in kind else {}
    plan, _ = settled(frame.with_columns(word), "bought", **asked)
    assert plan.schema["bought"].items() >= kind.items()
    assert plan.params["gate.metrics"]["roc_auc"]["minimum"] > 0.55


def test_numbers_are_regression_and_texts_are_classes() -> None:
    regression, _ = settled(table(), "size")
    assert list(regression.params["gate.metrics"]) == ["r2"]
    classes, _ = settled(table(), "colour")
    assert list(classes.params["gate.metrics"]) == ["accuracy", "calibration_error"]
    assert classes.schema["colour"]["categories"] == ["blue", "green", "red"]
    assert "positive" not in classes.schema["colour"]


@pytest.fixture(scope="module")
def of_flights(source_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """What is decided of the example's rows of January to May, as its source gives them."""
    scratch = tmp_path_factory.mktemp("scratch")
    rows = source.scan_flights(source_folder, scratch, Reader())
    rows = rows.filter(pl.col("scheduled_departure") < "2013-06")
    kept = tmp_path_factory.mktemp("flights") / "rows.parquet"
    rows.collect().write_parquet(kept)
    said = Said()
    opened = Opened(pl.scan_parquet(kept), True, {"kind": "csv", "path": "flights.csv"})
    return settle.settle(opened, Asked("flights.csv", "late"), said, TRAIN), said, opened.rows


def test_the_example_s_rows_give_the_types_and_roles_that_were_written_by_hand(
    of_flights: tuple[object, ...], schema: Schema
) -> None:
    """But for one: that a distance is measured, and no count, its whole numbers do not say."""
    plan = of_flights[0]
    assert isinstance(plan, Plan)
    found = {name: (one["type"], set(one["roles"])) for name, one in plan.schema.items()}
    by_hand = {c.name: (c.type, set(c.roles) - {"sensitive"}) for c in schema.columns}
    assert found == by_hand | {"distance": ("integer", {"feature"})}
    assert plan.params["data.window"] == {"start": "2013-01", "end": "2013-05"}
    assert plan.params["prepare.holdout_days"] == 31


def test_the_example_s_leaks_are_named(of_flights: tuple[object, ...]) -> None:
    said = of_flights[1]
    assert isinstance(said, Said)
    named = {line.split(":")[0] for line in said.flagged if "probably a leak" in line}
    assert named == {"departure_delay", "air_time", "arrival_delay"}


def area(rows: pl.LazyFrame, params: Params, schema: Schema) -> float:
    """Return the holdout's ROC AUC of a model that is fitted on the rest, as the pipeline does."""
    lazy, readings = ingest.conform(rows, schema, is_text=True)
    frame = ingest.refuse(lazy.collect(), readings, schema)
    frame = frame.filter(pl.col(schema.target).is_not_null())
    frame = frame.sort(ingest.in_order(schema), maintain_order=True)
    parts = prepare.with_features(*prepare.parts_of(frame, params, schema), schema)
    fit, carried = train.fitted_on(parts[0], params, schema)
    with TemporaryDirectory() as folder:
        path = Path(folder) / params.paths.model.name
        path.write_bytes(fit.to_bytes(carried))
        score = model_file.load(path).predict(arrays(parts[1], features.names(schema)))
    return float(roc_auc_score(labels(parts[1], schema), score))


def test_its_model_of_the_example_s_rows_is_as_good_as_the_one_written_by_hand(
    of_flights: tuple[object, ...], schema: Schema, real_params: Params, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Of the same columns, that is: what was derived by hand adopt does not know."""
    plan, _, rows = of_flights
    assert isinstance(plan, Plan)
    assert isinstance(rows, pl.LazyFrame)
    monkeypatch.setattr(derived, "derive", lambda column, functions: {})
    params = real_params.model_dump(mode="json", by_alias=True)
    for key, value in plan.params.items():
        *above, last = key.split(".")
        section = params
        for name in above:
            section = section[name]
        section[last] = value
    # In one order: by it trees draw their columns, and that alone moves the area by a hundredth.
    columns = {column.name: plan.schema[column.name] for column in schema.columns}
    for name, content in (("schema", {"columns": columns}), ("params", params)):
        text = yaml.safe_dump(content, sort_keys=False)
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    adopted = load_schema(tmp_path / "schema.yaml")
    assert features.names(adopted) == features.names(schema)
    by_hand = area(rows, real_params, schema)
    found = area(rows, load_params(tmp_path / "params.yaml"), adopted)
    assert by_hand > 0.7
    assert abs(found - by_hand) < 0.01


@pytest.mark.parametrize("target", ["bought", "size"])
def test_a_noisy_copy_that_is_another_in_each_row_is_looked_at(target: str) -> None:
    frame = table()
    noise = np.random.default_rng(5).normal(0, 0.2, frame.height)
    number = frame[target].cast(pl.Float64)
    noisy = frame.with_columns(later=number + noise * float(number.std() or 1))  # type: ignore[arg-type]
    assert noisy["later"].n_unique() == noisy.height
    plan, said = settled(noisy, target)
    assert plan.schema["later"]["roles"] == ["leak"]
    assert [line for line in said.flagged if line.startswith("later: probably a leak")]
