"""What a derived feature costs where a request is answered: microseconds for a row."""

from __future__ import annotations

import timeit
from collections.abc import Mapping, Sequence

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.core.frames import learn, request_arrays

CALLS, ROUNDS = 100, 15


def microseconds(
    train: pl.DataFrame, schema: Schema, candidates: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return by how much less time one row's features take without each of the candidates.

    Columns of the request are there anyway, and cost nothing; what other features build on as well
    is still computed. The shortest of several rounds is what the processor alone takes.
    """
    fitted, row = learn(train, schema), request_arrays(train.head(1), schema)
    derived = set(features.graph(schema))

    def took(without: Sequence[str]) -> float:
        made = features.Features(schema, fitted, without)
        return min(timeit.repeat(lambda: made.on_arrays(row), number=CALLS, repeat=ROUNDS)) / CALLS

    whole = took(())
    return {
        name: max(0.0, whole - took(left_out)) * 1e6 if derived & {*left_out} else 0.0
        for name, left_out in candidates.items()
    }
