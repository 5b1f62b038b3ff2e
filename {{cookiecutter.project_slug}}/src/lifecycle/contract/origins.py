"""From which columns each feature is computed, found by running the definition on their names."""

from __future__ import annotations

from typing import Any

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from project import features as definition


class Origin:
    """Stands for a column in `features.derive` and remembers which columns it was combined of."""

    def __init__(self, *columns: str) -> None:
        """Stand for what is computed from `columns`."""
        self.columns = frozenset(columns)

    def _with(self, other: Any) -> Origin:
        more = other.columns if isinstance(other, Origin) else frozenset()
        return Origin(*self.columns, *more)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _with
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _with

    def __neg__(self) -> Origin:
        return self


class OriginClock:
    """`features.Clock` that hands the origin on, whatever is asked."""

    def __getattr__(self, name: str) -> Any:
        """Answer every helper alike: what is computed from a moment has the moment's origin."""
        return lambda moment, *_: moment


def origins(schema: Schema) -> dict[str, frozenset[str]]:
    """Return the columns behind each feature.

    A definition that uses more than operators and the clock cannot be followed: then every derived
    feature counts as computed from all columns.
    """
    own = {name: frozenset({name}) for name in schema.names("feature")}
    try:
        derived = definition.derive(Origin, OriginClock())
        followed = {name: origin.columns for name, origin in derived.items()}
    except (AttributeError, TypeError):
        everything = frozenset(schema.request)
        followed = {n: everything for n in features.names(schema) if n not in own}
    return {**own, **followed}
