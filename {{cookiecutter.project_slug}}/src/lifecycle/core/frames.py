"""Frames as the model takes them, and what features learn of them."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import Outcome


def arrays(frame: pl.DataFrame, names: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return columns as the model takes them: floats with NaN for null, categories as objects."""
    return {
        name: np.array(frame[name].to_list(), dtype=object)
        if frame[name].dtype == pl.String
        else frame[name].cast(pl.Float64).to_numpy()
        for name in names
    }


def labels(rows: pl.DataFrame, schema: Schema) -> np.ndarray[Any, Any]:
    """Return the target as numbers, of text that of its category; NaN where it is not known."""
    target, codes = rows[schema.target], chosen.of(schema).codes
    if codes is None:
        return target.cast(pl.Float64).to_numpy()
    return target.replace_strict(codes, default=None, return_dtype=pl.Float64).to_numpy()


def coded(decisions: Sequence[Any], outcome: Outcome) -> np.ndarray[Any, Any]:
    """Return decisions in the numbers of `labels`."""
    codes = outcome.codes
    return np.array(decisions if codes is None else [codes[one] for one in decisions], float)


def score_column(scores: np.ndarray[Any, Any], outcome: Outcome) -> pl.Series:
    """Return scores as the column that files have of them; of several a row, an array a row."""
    return pl.Series(outcome.score.name, scores)


def scores(rows: pl.DataFrame, outcome: Outcome) -> np.ndarray[Any, Any]:
    """Return the scores that stand in such a column."""
    found = rows[outcome.score.name]
    # What a log has as lists are arrays of one length: a number a class.
    return np.array(found.to_list()) if found.dtype == pl.List else found.to_numpy()


def categories(
    columns: Mapping[str, np.ndarray[Any, Any]], private: Mapping[str, Collection[str]]
) -> dict[str, list[str]]:
    """Return the values of each column of text, sorted: the same data, the same numbers.

    They stand in the model's file, so of a column in `private` only the values given there do.
    """
    return {
        name: sorted({v for v in values if v is not None and v in private.get(name, (v,))})
        for name, values in columns.items()
        if values.dtype == object
    }


def unknown(
    columns: Mapping[str, np.ndarray[Any, Any]], codes: Mapping[str, Container[str]]
) -> dict[str, int]:
    """Count, for each feature in `codes`, the values that are not among those of training."""
    return {
        name: sum(value is not None and value not in known for value in columns[name])
        for name, known in codes.items()
    }


def request_arrays(frame: pl.DataFrame, schema: Schema) -> dict[str, np.ndarray[Any, Any]]:
    """Return the columns that a prediction needs as the service has them, datetimes as such."""
    moments = [name for name in schema.request if schema[name].type == "datetime"]
    others = arrays(frame, [name for name in schema.request if name not in moments])
    return {**{name: frame[name].to_numpy() for name in moments}, **others}


def learn(rows: pl.DataFrame, schema: Schema, *, of_target: bool = False) -> dict[str, Any]:
    """Return what the features learn of rows to train on, or only what they do of the target.

    Raises:
        StageError: there is nothing to learn it from, or a table has a mistake.
    """
    wanted = [
        node for node in features.learnt(schema) if not of_target or features.is_of_target(node)
    ]
    if not wanted:
        return {}
    return features.fit(schema, wanted, request_arrays(rows, schema), labels(rows, schema))
