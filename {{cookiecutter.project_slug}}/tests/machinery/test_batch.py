"""Batch scores every good row of a file, and says of every other why it does not."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle import batch
from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core import frames
from lifecycle.core.params import Params
from lifecycle.core.source_settings import CsvSource
from project.model import Model

VERSION = "7"


@pytest.fixture(scope="module")
def model(pipeline: Path, params: Params) -> Model:
    return Model.load(pipeline / params.paths.model)


@pytest.fixture(scope="module")
def requests(rows: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Real rows with what is known when the prediction is made, more than two chunks of them."""
    return rows.select(schema.request).head(1300)


def write(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


def score(
    source: Path, model: Model, params: Params, schema: Schema
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score a file; the counts must agree with the files."""
    target = source.with_name("scored.parquet")
    counts = batch.batch(source, target, model, VERSION, params, schema)
    found = pl.read_parquet(target), pl.read_parquet(batch.rejects_path(target))
    assert counts == (found[0].height, found[1].height)
    return found


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_gets_the_pipelines_probabilities(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    suffix: str,
) -> None:
    path = tmp_path / f"rows [1]*?{suffix}"  # a name, and no pattern
    scored, refused = score(write(requests, path), model, params, schema)
    assert refused.is_empty()
    assert scored.select(schema.request).equals(requests)
    columns = frames.arrays(features.on_frame(schema, requests, model.fitted), list(model.names))
    assert scored["probability"].to_list() == model.predict(columns).tolist()
    assert scored["model_version"].unique().to_list() == [VERSION]
    decided = scored["probability"] >= params.evaluate.threshold
    assert scored[f"predicted_{schema.target}"].equals(decided, check_names=False)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_may_have_the_names_of_the_source(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    suffix: str,
) -> None:
    raw = {name: f"{name} (Ü.)" for name in schema.request}
    source = CsvSource(kind="csv", path="a", columns={one: name for name, one in raw.items()})
    named = params.model_copy(update={"data": params.data.model_copy(update={"source": source})})
    expected = score(write(requests, tmp_path / f"b{suffix}"), model, named, schema)[0]
    found = score(write(requests.rename(raw), tmp_path / f"a{suffix}"), model, named, schema)[0]
    assert found.equals(expected)


def test_rows_without_a_number_are_numbered_as_those_of_the_source(
    requests: pl.DataFrame, tmp_path: Path, schema: Schema
) -> None:
    source = CsvSource(kind="csv", path="a", number_rows="flight_number")
    bare = requests.drop("flight_number")
    for path in (write(bare, tmp_path / "a.csv"), write(bare, tmp_path / "a.parquet")):
        found = pl.concat(batch.chunks(path, 100, schema.request, source))
        assert found["flight_number"].to_list() == list(range(requests.height))
    # Those that have one keep it.
    found = pl.concat(batch.chunks(write(requests, path), 100, schema.request, source))
    assert found["flight_number"].equals(requests["flight_number"])


@pytest.mark.parametrize("rows_per_chunk", [1, 37, 100_000])
def test_the_size_of_chunks_changes_nothing(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    rows_per_chunk: int,
) -> None:
    few = requests.head(100)
    source = write(few, tmp_path / "rows.csv")
    expected, _ = score(source, model, params, schema)
    chunked = params.batch.model_copy(update={"rows_per_chunk": rows_per_chunk})
    scored, _ = score(source, model, params.model_copy(update={"batch": chunked}), schema)
    assert scored.equals(expected)


SPOILT: dict[str, tuple[str, Any, str]] = {
    "null": ("distance", None, "distance is null"),
    "null in a category": ("origin", None, "origin is null"),
    "null in a key": ("flight_number", None, "flight_number is null"),
    "null in the time": ("scheduled_departure", None, "scheduled_departure is null"),
    "below": ("humidity", -1.0, "humidity is below 0"),
    "above": ("humidity", 101.0, "humidity is above 100"),
    "unknown category": ("carrier", "ZZ", "carrier is none of the categories of schema.yaml"),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", SPOILT)
def test_a_bad_row_is_rejected_with_the_reason(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    kind: str,
    suffix: str,
) -> None:
    column, value, reason = SPOILT[kind]
    spoilt = requests.head(20).with_row_index().with_columns(
        pl.when(pl.col("index") == 4)
        .then(pl.lit(value, requests.schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
    )  # fmt: skip
    source = write(spoilt.drop("index"), tmp_path / f"rows{suffix}")
    scored, refused = score(source, model, params, schema)
    assert (scored.height, refused.height) == (19, 1)
    assert reason in refused["reason"][0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_rejected(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    value: float,
) -> None:
    few = requests.head(3)
    temperature = pl.Series("temperature", [value, *few["temperature"].to_list()[1:]])
    source = write(few.with_columns(temperature), tmp_path / "rows.parquet")
    scored, refused = score(source, model, params, schema)
    assert (scored.height, refused.height) == (2, 1)
    assert "temperature is not finite" in refused["reason"][0]


def test_text_that_is_no_number_is_rejected_with_every_reason(
    requests: pl.DataFrame, tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    text = requests.head(3).cast(pl.String)
    bad = text.head(1).with_columns(
        pl.lit("far").alias("distance"), pl.lit("noon").alias("scheduled_departure")
    )
    source = write(pl.concat([bad, text.tail(2)]), tmp_path / "rows.csv")
    scored, refused = score(source, model, params, schema)
    assert (scored.height, refused.height) == (2, 1)
    assert refused["reason"][0] == "scheduled_departure is no datetime; distance is no float"
    assert refused["distance"][0] == "far"


def test_a_new_value_of_an_open_category_is_scored(
    requests: pl.DataFrame, tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    new = requests.head(5).with_columns(pl.lit("QQQ").alias("destination"))
    scored, refused = score(write(new, tmp_path / "rows.csv"), model, params, schema)
    assert (scored.height, refused.height) == (5, 0)


def test_a_null_is_scored_where_the_schema_allows_nulls(
    requests: pl.DataFrame, tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    nullable = [name for name in schema.request if schema[name].null_share > 0]
    nulls = requests.head(5).with_columns(
        pl.lit(None, requests.schema[name]).alias(name) for name in nullable
    )
    scored, refused = score(write(nulls, tmp_path / "rows.parquet"), model, params, schema)
    assert (scored.height, refused.height) == (5, 0)


def test_columns_of_no_concern_do_not_matter(
    requests: pl.DataFrame, tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    wider = requests.head(5).select(pl.lit("x").alias("comment"), *reversed(requests.columns))
    scored, _ = score(write(wider, tmp_path / "rows.csv"), model, params, schema)
    assert scored.select(schema.request).equals(requests.head(5))


def refusal(source: Path, model: Model, params: Params, schema: Schema) -> str:
    """Return why a file is refused; what was there before must still be there, and nothing else."""
    target = source.with_name("scored.parquet")
    target.write_text("an earlier result", encoding="utf-8")
    before = sorted(source.parent.iterdir())
    with pytest.raises(StageError) as refused:
        batch.batch(source, target, model, VERSION, params, schema)
    assert target.read_text(encoding="utf-8") == "an earlier result"
    assert sorted(source.parent.iterdir()) == before
    return str(refused.value)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_missing_column_is_named(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    suffix: str,
) -> None:
    source = write(requests.drop("humidity", "origin"), tmp_path / f"rows{suffix}")
    message = refusal(source, model, params, schema)
    assert "the file lacks the column origin, humidity" in message


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_without_rows_is_refused(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    suffix: str,
) -> None:
    source = write(requests.clear(), tmp_path / f"rows{suffix}")
    assert "has no rows" in refusal(source, model, params, schema)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("rows.csv", b"", "cannot be read"),
        ("rows.parquet", b"PAR1 and no more", "cannot be read"),
        ("rows.xlsx", b"x", "is neither .parquet nor .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    name: str,
    content: bytes,
    reason: str,
) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    message = refusal(source, model, params, schema)
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("left", [0, 1, 13])
def test_rows_that_are_cut_off_are_not_scored_as_nulls(
    requests: pl.DataFrame,
    tmp_path: Path,
    model: Model,
    params: Params,
    schema: Schema,
    left: int,
) -> None:
    """Nothing is scored: not the rows before it, though they are whole and in another chunk."""
    source = write(requests, tmp_path / "rows.csv")
    lines = source.read_text(encoding="utf-8").splitlines()
    lines[1200] = ",".join(lines[1200].split(",")[:5])
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    message = refusal(source, model, params, schema)
    assert f"record 1201 has 5 fields, and the header {len(requests.columns)}" in message
    whole = write(requests, source).read_bytes()
    source.write_bytes(whole[: len(whole) - 1 - left])
    assert "rows.csv is truncated" in refusal(source, model, params, schema)


def test_a_column_that_nobody_asks_for_does_not_matter_in_parquet(
    requests: pl.DataFrame, tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    few = requests.head(2).to_arrow()
    wide = pa.array([Decimal("1.00"), Decimal("2.00")], pa.decimal256(40, 2))
    offset = pa.array([0, 1], pa.timestamp("us", "+05:30"))
    source = tmp_path / "rows.parquet"
    pq.write_table(few.append_column("x", wide).append_column("y", offset), source)
    scored, refused = score(source, model, params, schema)
    assert scored.select(schema.request).equals(requests.head(2))
    assert refused.is_empty()


def test_the_last_letters_may_be_large(
    requests: pl.DataFrame, tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    small = write(requests.head(3), tmp_path / "rows.csv")
    scored, _ = score(small.rename(tmp_path / "rows.CSV"), model, params, schema)
    assert scored.height == 3


def test_a_file_that_is_not_there_is_refused(
    tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    assert "is missing" in refusal(tmp_path / "rows.csv", model, params, schema)


def test_the_rejects_go_beside_the_scores() -> None:
    assert batch.rejects_path(Path("out/may.parquet")) == Path("out/may.rejects.parquet")


def test_a_time_with_seconds_is_the_same_moment(
    requests: pl.DataFrame, tmp_path: Path, model: Model, params: Params, schema: Schema
) -> None:
    text = requests.head(1).cast(pl.String)
    forms = ["2013-05-31 17:45", "2013-05-31T17:45:00", "2013-05-31 17:45:00.000"]
    frame = pl.concat([text.with_columns(pl.lit(form).alias(schema.clock)) for form in forms])
    scored, _ = score(write(frame, tmp_path / "rows.csv"), model, params, schema)
    assert scored[schema.clock].to_list() == [datetime(2013, 5, 31, 17, 45)] * 3
    assert scored["probability"].n_unique() == 1
