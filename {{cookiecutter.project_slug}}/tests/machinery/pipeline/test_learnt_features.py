"""What features learn is of the training part alone, and the model's file carries it."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle import batch
from lifecycle.contract import features, model_file
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.language import table
from lifecycle.core.frames import arrays, learn, request_arrays
from lifecycle.core.params import Params
from lifecycle.pipeline import prepare, train
from lifecycle.records import definition as definition_of
from lifecycle.records import registry
from lifecycle.release import champion
from project import features as definition

Learning = Callable[..., None]


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tables."""
    monkeypatch.setattr(table, "FOLDER", tmp_path)
    (tmp_path / "airports.csv").write_text(
        "code,height,region,runways\nJFK,4,east,4\nLGA,,east,2\nEWR,5.5,,3\n", encoding="utf-8"
    )
    (tmp_path / "flights.csv").write_text("number,share\n15,0.5\n-3,1\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def derive(monkeypatch: pytest.MonkeyPatch) -> Learning:
    """Let features be derived by what is given."""
    return lambda made: monkeypatch.setattr(definition, "derive", made)


def everything(column: Any, functions: Any) -> dict[str, Any]:
    """Derive one feature of each kind that is learnt."""
    f, temperature, carrier = functions, column("temperature"), column("carrier")
    return {
        "warmer": temperature - f.mean(temperature),
        "filled": f.coalesce(column("wind_gust"), f.median(column("wind_gust"))),
        "high": temperature > f.quantile(temperature, 0.9),
        "by_origin": temperature - f.mean(temperature, by=column("origin")),
        "how_many": f.count(carrier),
        "frequency": f.count(carrier, by=carrier),
        "flights": f.count(column("flight_number"), by=column("flight_number")),
        "carrier_late": f.target_mean(carrier, smoothing=10),
        "spread": f.median(temperature - column("dewpoint")),
        "gust": f.is_null(column("wind_gust")),
        "height": f.lookup("airports.csv", column("origin"), "height"),
        "region": f.lookup_text("airports.csv", column("origin"), "region"),
        "share": f.lookup("flights.csv", column("flight_number"), "share"),
    }


def test_what_is_learnt_is_what_its_name_says(
    rows: pl.DataFrame, schema: Schema, derive: Learning, tables: Path
) -> None:
    derive(everything)
    found = learn(rows, schema)
    known = rows["temperature"].drop_nulls().to_list()
    assert found["mean(temperature)"] == statistics.fmean(known)
    assert found["median(wind_gust)"] == statistics.median(rows["wind_gust"].drop_nulls().to_list())
    assert found["quantile(temperature, 0.9)"] == np.quantile(known, 0.9)
    assert found["count(carrier)"] == rows.height
    counts = dict(rows["carrier"].value_counts().iter_rows())
    assert found["count(carrier, carrier)"] == {"values": counts, "otherwise": 0.0}
    by_origin = found["mean(temperature, origin)"]
    assert by_origin["otherwise"] is None
    for name, value in by_origin["values"].items():
        part = rows.filter(pl.col("origin") == name)["temperature"].drop_nulls().to_list()
        assert value == statistics.fmean(part)
    late = found["target_mean(carrier, 10)"]
    overall = rows[schema.target].cast(pl.Float64).mean()
    assert late["otherwise"] == overall and isinstance(overall, float)
    for name, value in late["values"].items():
        own = rows.filter(pl.col("carrier") == name)[schema.target]
        expected = (float(own.sum()) + 10 * overall) / (own.len() + 10)
        assert value == pytest.approx(expected, rel=1e-15)
    assert json.loads(json.dumps(found)) == found


def test_a_row_has_what_its_category_has(
    rows: pl.DataFrame, schema: Schema, derive: Learning, tables: Path
) -> None:
    derive(everything)
    fitted = learn(rows, schema)
    few = rows.head(6).with_columns(
        origin=pl.Series(["JFK", "LGA", "EWR", "XXX", None, "JFK"]),
        carrier=pl.Series(["UA", "ZZ", None, "UA", "UA", "UA"]),
        flight_number=pl.Series([15, -3, 16, None, 15, 15]),
    )
    found = features.on_frame(schema, few, fitted)
    assert found["height"].to_list() == [4.0, None, 5.5, None, None, 4.0]
    assert found["region"].to_list() == ["east", "east", None, None, None, "east"]
    assert found["share"].to_list() == [0.5, 1.0, None, None, 0.5, 0.5]
    assert found["frequency"].to_list()[1:3] == [0, 0]
    late = fitted["target_mean(carrier, 10)"]
    ua, other = late["values"]["UA"], late["otherwise"]
    assert found["carrier_late"].to_list() == [ua, other, other, ua, ua, ua]
    assert found["by_origin"].is_null().to_list() == [False, False, False, True, True, False]
    on_arrays = features.on_arrays(schema, request_arrays(few, schema), fitted)
    expected = arrays(found, features.names(schema))
    for name, values in expected.items():
        if values.dtype == object:
            assert list(on_arrays[name]) == list(values), name
        else:
            np.testing.assert_array_equal(on_arrays[name].astype(float), values, err_msg=name)


def test_nothing_of_the_holdout_is_learnt(
    rows: pl.DataFrame, schema: Schema, derive: Learning, tables: Path, real_params: Params
) -> None:
    derive(everything)
    parts = prepare.split(rows, schema, real_params.data.dates, 31)
    seen, held = prepare.with_features(*parts, schema)
    other = parts[1].with_columns(
        pl.lit("ZZ").alias("carrier"), pl.col("temperature") + 100, ~pl.col(schema.target)
    )
    again, changed = prepare.with_features(parts[0], other, schema)
    assert again.equals(seen)
    assert learn(again, schema) == learn(seen, schema) == learn(parts[0], schema)
    assert changed["warmer"].to_list() == pytest.approx(
        (held["warmer"] + 100).to_list(), nan_ok=True
    )
    assert changed["carrier_late"].n_unique() == 1


def test_a_rows_own_target_is_not_in_its_target_mean(
    rows: pl.DataFrame, schema: Schema, derive: Learning
) -> None:
    derive(lambda c, f: {"late_before": f.target_mean(c("carrier")), "mean": f.mean(c("distance"))})
    before, held = prepare.with_features(rows, rows, schema)
    for turned in (0, rows.height // 2, rows.height - 1):
        is_turned = pl.int_range(pl.len()) == turned
        target = pl.col(schema.target)
        other = rows.with_columns(pl.when(is_turned).then(~target).otherwise(target))
        after, _ = prepare.with_features(other, rows, schema)
        assert after["late_before"][turned] == before["late_before"][turned]
        # Yet it is in that of others.
        assert not after["late_before"].equals(before["late_before"])
    # What is predicted has that of all rows, as the model's file.
    fitted = learn(rows, schema)
    assert held.equals(features.on_frame(schema, rows, fitted))
    assert not before["late_before"].equals(held["late_before"])
    assert before["mean"].equals(held["mean"])
    assert before.drop("late_before").equals(held.drop("late_before"))


def test_folds_are_of_rows_that_follow_each_other(
    rows: pl.DataFrame, schema: Schema, derive: Learning
) -> None:
    derive(lambda c, f: {"all_late": f.target_mean(f.prefix(c("carrier"), 9) == "none")})
    made, _ = prepare.with_features(rows, rows, schema)
    target, size = rows[schema.target].cast(pl.Float64), rows.height
    edges = [size * fold // prepare.FOLDS for fold in range(prepare.FOLDS + 1)]
    for begin, end in pairwise(edges):
        others = pl.concat([target[:begin], target[end:]])
        assert made["all_late"][begin:end].to_list() == pytest.approx(
            [others.mean()] * (end - begin)
        )


def test_the_models_file_carries_it_to_batch_and_service(
    project: Path, params: Params, schema: Schema, derive: Learning, tables: Path
) -> None:
    derive(everything)
    prepare.main()
    train.main()
    paths = (params.paths.train, params.paths.holdout)
    seen, held = (pl.read_parquet(project / path) for path in paths)
    model = model_file.load(project / params.paths.model)
    assert model.fitted == learn(seen, schema)
    # What a table held then is in the file: it may be another by now, or gone.
    (tables / "airports.csv").unlink()
    names = list(model.names)
    expected = model.predict(arrays(held, names))
    served = features.Features(schema, model.fitted).on_arrays(request_arrays(held, schema))
    np.testing.assert_array_equal(model.predict(served), expected)
    scored = batch.score(held.select(schema.request), model, schema, 0.5, "1")
    np.testing.assert_array_equal(scored["probability"].to_numpy(), expected)


def test_a_champion_is_scored_with_what_it_has_learnt_itself(
    project: Path,
    params: Params,
    schema: Schema,
    derive: Learning,
    tables: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the same definition, it was trained on other rows than what is in the workspace."""
    derive(everything)
    prepare.main()
    train.main()
    theirs = project / "theirs.ubj"
    (project / params.paths.model).rename(theirs)
    path = project / params.paths.snapshot
    snapshot = pl.read_parquet(path)
    snapshot.with_columns(pl.col("temperature") + 7, carrier=pl.lit("UA")).write_parquet(path)
    prepare.main()
    snapshot.write_parquet(path)
    holdout = pl.read_parquet(project / params.paths.holdout)
    model = model_file.load(theirs)
    request = holdout.select(schema.request)
    own = features.on_frame(schema, request, model.fitted)
    expected = model.predict(arrays(own, list(model.names)))
    assert (expected != model.predict(arrays(holdout, list(model.names)))).any()
    monkeypatch.setattr(champion, "fetch_model", lambda root, tags: theirs)
    version = registry.Version(1, definition_of.tags(definition_of.here(project)), "")
    monkeypatch.setattr(champion, "defining", lambda root: version.tags)
    found = champion.probabilities(project, version, holdout, schema)
    np.testing.assert_array_equal(found, expected)


def test_without_anything_learnt_the_file_is_as_it_was(
    rows: pl.DataFrame, schema: Schema, project: Path, params: Params
) -> None:
    assert learn(rows, schema) == {} == model_file.load(project / params.paths.model).fitted


def test_a_model_without_it_is_refused(
    rows: pl.DataFrame, schema: Schema, derive: Learning
) -> None:
    derive(lambda c, f: {"warmer": c("temperature") - f.mean(c("temperature"))})
    assert features.names(schema)[-1] == "warmer"
    assert features.origins(schema)["warmer"] == {"temperature"}
    with pytest.raises(StageError, match=r"the model does not carry mean\(temperature\), which"):
        features.on_frame(schema, rows)


def test_nothing_is_learnt_of_nulls_alone(
    rows: pl.DataFrame, schema: Schema, derive: Learning
) -> None:
    derive(lambda c, f: {"gusts": c("wind_gust") - f.mean(c("wind_gust"))})
    nulls = rows.with_columns(wind_gust=pl.lit(None, pl.Float64))
    with pytest.raises(StageError, match=r"mean\(wind_gust\): the training part has no value"):
        learn(nulls, schema)
    derive(lambda c, f: {"gusts": f.count(c("wind_gust"))})
    assert learn(nulls, schema) == {"count(wind_gust)": 0.0}


WRONG: dict[str, tuple[str, str]] = {
    "no file": ("", "there is no file src/project/tables/airports.csv"),
    "a double key": ("code,height\nJFK,1\nLGA,2\nJFK,3\n", "JFK stands there twice"),
    "no such column": ("code,width\nJFK,1\n", "tables/airports.csv has no column height beside"),
    "the key's column": ("height,code\nJFK,1\n", "has no column height beside its first one"),
    "an empty file": ("\n", "has no column height"),
    "no number": ("code,height\nJFK,high\n", "high is no number: lookup_text gives text"),
    "an infinity": ("code,height\nJFK,inf\n", "inf is no number"),
    "no key": ("code,height\n,1\n", "line 2 has no key, or not a value for each column"),
    "a short line": ("code,height\nJFK\n", "line 2 has no key, or not a value for each column"),
    "too many": ("code,height\n" + "".join(f"{i},1\n" for i in range(10_001)), "10000 at most"),
    "open quotes": ('code,height\n"JFK,1\n', "tables/airports.csv cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_table_is_one_line(
    rows: pl.DataFrame, schema: Schema, derive: Learning, tables: Path, name: str
) -> None:
    text, said = WRONG[name]
    if text:
        (tables / "airports.csv").write_text(text, encoding="utf-8")
    else:
        (tables / "airports.csv").unlink()
    derive(lambda c, f: {"height": f.lookup("airports.csv", c("origin"), "height")})
    with pytest.raises(StageError) as refused:
        learn(rows, schema)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_table_elsewhere_is_refused(
    rows: pl.DataFrame, schema: Schema, derive: Learning, tables: Path
) -> None:
    (tables / "below").mkdir()
    (tables / "airports.csv").rename(tables / "below" / "airports.csv")
    derive(lambda c, f: {"height": f.lookup("below/airports.csv", c("origin"), "height")})
    with pytest.raises(StageError, match="there is no file"):
        learn(rows, schema)


def test_a_whole_number_looks_up_whole_numbers(
    rows: pl.DataFrame, schema: Schema, derive: Learning, tables: Path
) -> None:
    derive(lambda c, f: {"height": f.lookup("airports.csv", c("flight_number"), "height")})
    with pytest.raises(StageError, match="JFK is no whole number, as what is looked up"):
        learn(rows, schema)


def test_tables_are_where_the_definition_is() -> None:
    assert Path(str(definition.__file__)).with_name("tables") == table.FOLDER
    assert table.FOLDER.is_dir()


def hidden(schema: Schema, *names: str) -> Schema:
    """Return the schema with columns marked private."""
    return Schema(columns=tuple(
        column.model_copy(update={"private": "hashed"}) if column.name in names else column
        for column in schema.columns
    ))  # fmt: skip


def test_private_categories_that_the_schema_does_not_list_are_not_learnt(
    rows: pl.DataFrame, schema: Schema, derive: Learning
) -> None:
    derive(lambda c, f: {"late_there": f.target_mean(c("destination")),
                         "often": f.count(c("origin"), by=c("destination"))})  # fmt: skip
    named = rows.with_columns(destination=pl.when(pl.int_range(pl.len()) % 7 == 0)
                              .then(pl.lit("my home")).otherwise("destination"))  # fmt: skip
    assert "my home" in json.dumps(learn(named, schema))
    found = learn(named, hidden(schema, "destination"))
    assert "my home" not in json.dumps(found)
    listed = set(named["destination"]) & set(schema["destination"].categories)
    assert set(found["target_mean(destination, 20.0)"]["values"]) == listed


TOLD: dict[str, Callable[[Any, Any], Any]] = {
    "the text": lambda c, f: c("carrier"),
    "a prefix": lambda c, f: f.prefix(c("carrier"), 1),
    "lower case": lambda c, f: f.lower(c("carrier")),
    "a choice": lambda c, f: f.where(c("distance") > 1, c("carrier"), "none"),
    "by a prefix": lambda c, f: f.target_mean(f.prefix(c("carrier"), 2)),
    "by a number": lambda c, f: f.mean(c("distance"), by=c("flight_number")),
    "the median": lambda c, f: f.median(c("temperature")),
    "a quantile": lambda c, f: f.quantile(c("temperature") + 1, 1),
    "the mean of one": lambda c, f: f.mean(c("temperature"), by=c("origin")),
}
UNTOLD: dict[str, Callable[[Any, Any], Any]] = {
    "is it": lambda c, f: c("carrier") == "UA",
    "its length": lambda c, f: f.length(c("carrier")),
    "by it": lambda c, f: f.target_mean(c("carrier")),
    "the mean": lambda c, f: f.mean(c("temperature")),
    "how many": lambda c, f: f.count(c("temperature"), by=c("origin")),
    "a table's text": lambda c, f: f.lookup_text("airports.csv", c("carrier"), "region"),
    "by a table's text": lambda c, f: f.target_mean(
        f.coalesce(f.prefix(c("origin"), 1), c("destination"))),
}  # fmt: skip


@pytest.mark.parametrize("name", [*TOLD, *UNTOLD])
def test_no_private_value_gets_into_the_models_file(
    rows: pl.DataFrame, schema: Schema, derive: Learning, tables: Path, name: str
) -> None:
    derive(lambda c, f: {"made": {**TOLD, **UNTOLD}[name](c, f)})
    learn(rows, schema)
    secret = hidden(schema, "carrier", "flight_number", "temperature")
    if name in UNTOLD:
        learn(rows, secret)
        return
    with pytest.raises(StageError, match="private"):
        features.names(secret)


def test_the_mean_does_not_depend_on_the_order(
    rows: pl.DataFrame, schema: Schema, derive: Learning
) -> None:
    derive(lambda c, f: {"a": c("distance") - f.mean(c("distance") / 3)})
    assert learn(rows, schema) == learn(rows.sample(fraction=1, shuffle=True, seed=1), schema)
    assert not math.isnan(learn(rows, schema)["mean((distance / 3))"])
