"""The features are what they say, and the same in training and in the service."""

from __future__ import annotations

import numpy as np
import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.core.frames import arrays, learn, request_arrays


def test_real_rows_give_the_same_features_to_the_bit(rows: pl.DataFrame, schema: Schema) -> None:
    frame = rows.select(schema.request)
    learnt = learn(rows, schema)
    expected = arrays(features.on_frame(schema, frame, learnt), features.names(schema))
    found = features.on_arrays(schema, request_arrays(frame, schema), learnt)
    assert list(found) == list(expected) == features.names(schema)
    for name, values in expected.items():
        if values.dtype == object:
            assert list(found[name]) == list(values), name
        else:
            bits = found[name].astype(np.float64).view(np.int64)
            np.testing.assert_array_equal(bits, values.view(np.int64), err_msg=name)
