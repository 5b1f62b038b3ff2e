"""Whether the data has time: schema.yaml says it, and params.yaml has to fit."""

from __future__ import annotations

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.core.window import Window


def window_of(params: Params, schema: Schema) -> Window | None:
    """Return the window that is read; None where the data has no time, and every row is.

    Raises:
        StageError: params.yaml does not fit: what to give instead.
    """
    window, prepare = params.data.window, params.prepare
    if schema.time is None:
        said = "no column of schema.yaml has the role time"
        if window is not None:
            raise StageError(f"params.yaml has data.window, and {said}", "delete data.window")
        if prepare.holdout_share is None:
            raise StageError(
                f"params.yaml has prepare.holdout_days, and {said}",
                "give prepare.holdout_share instead, as 0.2",
            )
        return None
    said = f"{schema.time} of schema.yaml has the role time"
    if window is None:
        raise StageError(
            f"params.yaml has no data.window, and {said}",
            "give it one, as `window: {start: 2013-01-01, end: 2013-05-31}`",
        )
    if prepare.holdout_days is None:
        raise StageError(
            f"params.yaml has prepare.holdout_share, and {said}",
            "give prepare.holdout_days instead, as 31",
        )
    return window
