"""Parameters fit a schema with time or one without: else one line says what to give instead."""

from __future__ import annotations

from typing import Any

import pytest
import timeless

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.core.timing import window_of


def test_the_window_is_that_of_the_parameters_or_none(real_params: Params, schema: Schema) -> None:
    assert window_of(real_params, schema) == real_params.data.window
    without = timeless.params_of(real_params)
    assert window_of(without, timeless.schema_of()) is None
    assert (real_params.data.span, without.data.span) == ("2013-01 to 2013-05", "all rows")


@pytest.mark.parametrize(
    ("has_time", "data", "prepare", "said"),
    [
        (False, {}, {"holdout_share": 0.2, "holdout_days": None}, "delete data.window"),
        (False, {"window": None}, {}, "give prepare.holdout_share instead, as 0.2"),
        (True, {"window": None}, {}, "no data.window, and scheduled_departure of schema.yaml has"),
        (True, {}, {"holdout_share": 0.2, "holdout_days": None}, "give prepare.holdout_days inst"),
    ],
)
def test_what_does_not_fit_is_refused(
    real_params: Params, schema: Schema, has_time: bool, data: dict[str, Any],
    prepare: dict[str, Any], said: str,
) -> None:  # fmt: skip
    params = real_params.model_copy(update={
        "data": real_params.data.model_copy(update=data),
        "prepare": real_params.prepare.model_copy(update=prepare),
    })  # fmt: skip
    with pytest.raises(StageError, match=said):
        window_of(params, schema if has_time else timeless.schema_of())


@pytest.mark.parametrize("given", [{}, {"holdout_days": 3, "holdout_share": 0.2}])
def test_exactly_one_says_how_much_is_held_out(given: dict[str, Any], real_params: Params) -> None:
    with pytest.raises(ValueError, match="give holdout_days, or holdout_share where the data has"):
        type(real_params.prepare)(**given)
