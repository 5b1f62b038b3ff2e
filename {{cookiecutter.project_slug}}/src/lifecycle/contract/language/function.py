"""One operation of the feature language, for frames and for arrays side by side.

A number is a 64-bit float, null in frames and NaN in arrays, where whole numbers without a null may
be 64-bit integers: up to 2**53 both compute the same. A boolean of arrays is 1, 0 or NaN, text is
an object or None, a datetime a datetime64[us] or NaT. Both sides compute by the same
operations of the processor or of the C library, so that they agree to the bit: a property test
walks the tables. Narwhals is imported by what computes on frames alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lifecycle.contract.language.graph import FLOAT, INTEGER, LARGEST, NULL, UNBOUNDED, Node

Array = np.ndarray[Any, Any]
Kind = tuple[str, float]
# Far from where it does.
OVERFLOWS = 1e300


@dataclass(frozen=True)
class Function:
    """What an operation takes and gives, and how it is computed of frames and of arrays."""

    # What the documentation says of it; empty where no owner writes it.
    says: str
    # What each operand must be, in their order (see `vocabulary`).
    takes: Mapping[str, str]
    # The kind of the result, and the largest value of a whole number.
    gives: Callable[..., Kind]
    frame: Callable[..., Any]
    array: Callable[..., Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    # Whether an infinity goes through it as one: to others, what is not finite is null.
    is_open: bool = False


def narwhals() -> Any:
    """Return Narwhals; the service has no frames, and does not have it."""
    import narwhals

    return narwhals


def gives(kind: str, bound: float = UNBOUNDED) -> Callable[..., Kind]:
    """Give one kind, whatever is taken."""
    return lambda *_: (kind, bound)


def number(bound_of: Callable[..., float]) -> Callable[..., Kind]:
    """Give whole numbers of whole numbers, as long as a float holds each of them exactly.

    Its bound is none where a float could overflow.
    """

    def found(*nodes: Node) -> Kind:
        bound = bound_of(*(node.bound for node in nodes))
        whole = bound <= LARGEST and all(node.kind == INTEGER for node in nodes)
        return (INTEGER if whole else FLOAT), bound if bound < OVERFLOWS else UNBOUNDED

    return found


def larger(*bounds: float) -> float:
    """Return the largest bound."""
    return max(bounds)


def same(*nodes: Node) -> Kind:
    """Give the kind that all of them have; None has any."""
    known = [node for node in nodes if node.kind != NULL]
    if {node.kind for node in known} <= {INTEGER, FLOAT}:
        return number(larger)(*known)
    return known[0].kind, UNBOUNDED


def is_null(values: Array) -> Array:
    """Return where there is no value."""
    if values.dtype == object:
        return np.array([value is None for value in values.tolist()], bool)
    missing: Array = np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
    return missing
