"""What a derived feature costs where a request is answered: microseconds for a row."""

from __future__ import annotations

import timeit
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
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
    is still computed. The shortest of several rounds is what the processor alone takes; in each
    round all have their turn, so that none has it while something else is busy.
    """
    fitted, row = learn(train, schema), request_arrays(train.head(1), schema)
    derived = set(features.graph(schema))
    asked = {name: left_out for name, left_out in candidates.items() if derived & {*left_out}}
    made = [features.Features(schema, fitted, without) for without in ((), *asked.values())]
    took = np.array([
        [timeit.timeit(partial(one.on_arrays, row), number=CALLS) for one in made]
        for _ in range(ROUNDS)
    ])  # fmt: skip
    whole, *others = took.min(axis=0) / CALLS * 1e6
    found = {name: max(0.0, float(whole - one)) for name, one in zip(asked, others, strict=True)}
    return {name: found.get(name, 0.0) for name in candidates}
