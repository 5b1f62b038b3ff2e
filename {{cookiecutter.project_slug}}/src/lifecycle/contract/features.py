"""Derived features, evaluated by one definition on frames and on plain arrays alike.

`derive` of project/features.py is written in operators and the helpers of `Clock`: its lines run on
Narwhals expressions (Polars, pandas, Spark frames) and on NumPy arrays (the service, where a
frame for every request would cost ten times the rest). Nulls are nulls in frames and NaN in
arrays; both pass through every operator. (ML Test Score, Data 6 and Infrastructure 3.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from project import features as definition

Arrays = Mapping[str, np.ndarray[Any, Any]]


class Clock(Protocol):
    """What can be asked of a datetime column."""

    def hour(self, moment: Any) -> Any:
        """Return the hour, 0 to 23."""

    def minute(self, moment: Any) -> Any:
        """Return the minute, 0 to 59."""

    def weekday(self, moment: Any) -> Any:
        """Return the day of the week, Monday 1 to Sunday 7."""


class FrameClock:
    """`Clock` on Narwhals expressions."""

    def hour(self, moment: Any) -> Any:
        """Return the hour, 0 to 23."""
        return moment.dt.hour().cast(_frame_integer())

    def minute(self, moment: Any) -> Any:
        """Return the minute, 0 to 59."""
        return moment.dt.minute().cast(_frame_integer())

    def weekday(self, moment: Any) -> Any:
        """Return the day of the week, Monday 1 to Sunday 7."""
        return moment.dt.weekday().cast(_frame_integer())


class ArrayClock:
    """`Clock` on NumPy arrays of datetime64; what is asked of NaT is NaN."""

    def hour(self, moment: Any) -> Any:
        """Return the hour, 0 to 23."""
        return _of_known(moment, moment.astype("datetime64[h]").astype(np.int64) % 24)

    def minute(self, moment: Any) -> Any:
        """Return the minute, 0 to 59."""
        return _of_known(moment, moment.astype("datetime64[m]").astype(np.int64) % 60)

    def weekday(self, moment: Any) -> Any:
        """Return the day of the week, Monday 1 to Sunday 7."""
        # 1970-01-01, day 0, was a Thursday.
        return _of_known(moment, (moment.astype("datetime64[D]").astype(np.int64) + 3) % 7 + 1)


def _of_known(moment: Any, values: Any) -> Any:
    """Make NaN of what was computed from NaT: to NumPy that is the smallest integer."""
    missing = np.isnat(moment)
    return np.where(missing, np.nan, values) if missing.any() else values


def _frame_integer() -> Any:
    import narwhals as nw  # the service has no frames, and no Narwhals

    return nw.Int64


def _known(schema: Schema, pick: Callable[[str], Any]) -> Callable[[str], Any]:
    """Refuse every column that a prediction does not have (ML Test Score, Data 4)."""

    def column(name: str) -> Any:
        if name in schema.request:
            return pick(name)
        roles = {column.name: column.roles for column in schema.columns}
        if name not in roles:
            raise StageError(f"features.py uses the column {name}, which schema.yaml does not have")
        raise StageError(
            f"features.py uses the column {name}, whose role is {', '.join(roles[name])}: "
            "it is not known when the prediction is made, so take it out of derive()"
        )

    return column


def names(schema: Schema) -> list[str]:
    """Return every feature's name, in the model's order: the schema's, then the derived ones."""
    probe: dict[str, Any] = {
        name: np.empty(0, "datetime64[s]" if schema[name].type == "datetime" else float)
        for name in schema.request
    }
    derived = list(definition.derive(_known(schema, probe.__getitem__), ArrayClock()))
    return [*schema.names("feature"), *derived]


def on_frame(schema: Schema, frame: Any) -> Any:
    """Add the derived features to a frame of any library that Narwhals knows (lazy or not)."""
    import narwhals as nw

    derived = definition.derive(_known(schema, nw.col), FrameClock())
    return nw.from_native(frame).with_columns(**derived).to_native()


def on_arrays(schema: Schema, columns: Arrays) -> dict[str, np.ndarray[Any, Any]]:
    """Return all features of `columns`: arrays of one length, nulls as NaN (None in categories)."""
    derived = definition.derive(_known(schema, columns.__getitem__), ArrayClock())
    return {**{name: columns[name] for name in schema.names("feature")}, **derived}
