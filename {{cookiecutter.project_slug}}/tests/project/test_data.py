"""The source's rows are what schema.yaml says they are."""

from __future__ import annotations

import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.core.reading import TYPES


def test_the_snapshot_has_the_columns_of_the_schema_in_order(
    snapshot: pl.DataFrame, schema: Schema
) -> None:
    assert snapshot.schema == {column.name: TYPES[column.type] for column in schema.columns}


def test_every_value_lies_within_the_limits_of_its_column(
    snapshot: pl.DataFrame, schema: Schema
) -> None:
    outside = {
        column.name: snapshot.filter(
            ~pl.col(column.name).is_between(column.minimum, column.maximum)
        ).height
        for column in schema.columns
        if column.minimum is not None and column.maximum is not None
    }
    assert outside
    assert {name: count for name, count in outside.items() if count} == {}


def test_nulls_are_no_more_than_the_schema_allows(snapshot: pl.DataFrame, schema: Schema) -> None:
    shares = {c.name: snapshot[c.name].null_count() / snapshot.height for c in schema.columns}
    assert [c.name for c in schema.columns if shares[c.name] > c.null_share] == []


def test_the_categories_of_the_schema_are_those_that_occur(
    snapshot: pl.DataFrame, schema: Schema
) -> None:
    for column in schema.columns:
        if column.categories:
            values = snapshot[column.name].drop_nulls()
            unknown = values.filter(~values.is_in(list(column.categories)))
            assert len(unknown) / len(values) <= column.unknown_share, column.name
            # A window of a few months has most of them, not all.
            assert values.n_unique() > len(column.categories) * 0.8, column.name


def test_keys_name_one_row(snapshot: pl.DataFrame, schema: Schema) -> None:
    assert snapshot.select(schema.names("key")).is_duplicated().sum() == 0
