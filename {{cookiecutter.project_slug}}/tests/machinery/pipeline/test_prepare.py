"""The holdout is the newest time, and shares nothing with what is trained on."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json
from lifecycle.core import frames
from lifecycle.core.command import run
from lifecycle.core.params import Params
from lifecycle.pipeline import prepare


@pytest.mark.parametrize("held", [7, 31])
def test_the_newest_days_are_held_out(
    rows: pl.DataFrame, schema: Schema, real_params: Params, held: int
) -> None:
    window = real_params.data.dates
    train, holdout = prepare.split(rows, schema, window, held)
    first: Any = holdout[schema.clock].min()
    assert (train[schema.clock] < first).all()
    assert (window.until - first.date()).days == held
    assert train.height + holdout.height == rows.height
    keys = schema.names("key")
    assert pl.concat([train, holdout]).sort(keys).equals(rows.sort(keys))


def test_the_holdout_begins_at_midnight(
    rows: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    window = real_params.data.dates
    first = datetime.combine(window.until - timedelta(days=7), time.min)
    moments = [first - timedelta(microseconds=1), first]
    both = rows.sort(schema.target)[[0, -1]]
    edge = pl.concat(both.with_columns(pl.lit(at).cast(pl.Datetime("us")).alias(schema.clock))
                     for at in moments)  # fmt: skip
    train, holdout = prepare.split(edge, schema, window, 7)
    assert [part[schema.clock].unique().to_list() for part in (train, holdout)] == [
        [at] for at in moments
    ]


def test_a_holdout_of_everything_is_refused(
    rows: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    window = real_params.data.dates
    with pytest.raises(StageError, match="some must be left to train on"):
        prepare.split(rows, schema, window, (window.until - window.since).days)


def test_a_part_without_rows_is_refused(
    rows: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    window = real_params.data.dates
    old = rows.filter(pl.col(schema.clock).dt.strftime("%Y-%m") < window.end)
    with pytest.raises(StageError, match="the holdout part has no rows"):
        prepare.split(old, schema, window, 10)


def test_a_part_with_one_label_is_refused(
    rows: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    never = rows.with_columns(pl.lit(value=False).alias(schema.target))
    with pytest.raises(StageError, match="late has only one value in the train part"):
        prepare.split(never, schema, real_params.data.dates, 31)


def test_a_key_in_both_parts_is_refused(rows: pl.DataFrame, schema: Schema) -> None:
    with pytest.raises(StageError, match=r"3 rows of the holdout have a key \(scheduled_departure"):
        prepare.refuse_shared_keys(rows, rows.head(3), schema.names("key"))
    prepare.refuse_shared_keys(rows.tail(-3), rows.head(3), schema.names("key"))


def test_a_split_by_time_of_a_key_without_time_is_refused(
    rows: pl.DataFrame, schema: Schema, real_params: Params
) -> None:
    # One flight number flies every month.
    timeless = schema[schema.clock].model_copy(update={"roles": ("time",)})
    columns = tuple(timeless if c.name == schema.clock else c for c in schema.columns)
    other = schema.model_copy(update={"columns": columns})
    with pytest.raises(StageError, match=r"have a key \(carrier, flight_number\) of train"):
        prepare.split(rows, other, real_params.data.dates, 31)


def test_prepare_refuses_a_snapshot_that_did_not_pass(
    project: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(project / params.paths.validation_report, {"passed": False})
    before = (project / params.paths.train).read_bytes()
    with pytest.raises(SystemExit) as stopped:
        run("prepare", prepare.main)
    assert stopped.value.code == 1
    assert "did not pass validation" in capsys.readouterr().err
    assert (project / params.paths.train).read_bytes() == before


def test_prepare_refuses_a_snapshot_without_a_report(project: Path, params: Params) -> None:
    (project / params.paths.validation_report).unlink()
    with pytest.raises(StageError, match="is missing: run `make pipeline`"):
        prepare.main()


def test_prepare_gives_the_same_bytes_again(project: Path, params: Params) -> None:
    before = {name: (project / name).read_bytes() for name in (params.paths.train,
                                                             params.paths.holdout)}  # fmt: skip
    prepare.main()
    assert {name: (project / name).read_bytes() for name in before} == before


def test_nulls_become_missing_numbers_and_stay_missing_categories(schema: Schema) -> None:
    frame = pl.DataFrame({"origin": ["JFK", None], "humidity": [None, 50.0]})
    columns = frames.arrays(frame, ["origin", "humidity"])
    assert list(columns["origin"]) == ["JFK", None]
    np.testing.assert_array_equal(columns["humidity"], [np.nan, 50.0])


def test_the_prepared_parts_carry_every_feature(
    project: Path, params: Params, schema: Schema
) -> None:
    for path in (params.paths.train, params.paths.holdout):
        assert set(features.names(schema)) <= set(pl.read_parquet_schema(project / path))
