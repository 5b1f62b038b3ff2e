"""Operators, what is chosen by conditions, and what can be made of numbers.

`a // b` is the floor of a / b, and `a % b` is a - (a // b) * b, of whole and of other numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lifecycle.contract.language.function import (
    Array,
    Function,
    Kind,
    gives,
    is_null,
    larger,
    narwhals,
    number,
    same,
)
from lifecycle.contract.language.graph import (
    AS_NUMBER,
    BOOLEAN,
    FINITE,
    FLOAT,
    INTEGER,
    LARGEST,
    LITERAL,
    Node,
)

PAIR = {"left": "number", "right": "number"}
TRUTHS = {"left": "boolean", "right": "boolean"}


def _divided(found: Callable[..., Kind]) -> Callable[..., Kind]:
    """Refuse what divides by nought whatever the row; where rows do, the result is null."""

    def kind(dividend: Node, divisor: Node) -> Kind:
        if divisor.operation == LITERAL and not divisor.options[0]:
            raise ValueError(f"{dividend} is divided by 0")
        return found(dividend, divisor)

    return kind


def _frame_quotient(a: Any, b: Any) -> Any:
    # By a literal, Polars multiplies with 1 / b, which is another number: so b is made a column.
    return a / (b + a * 0.0)


def _frame_remainder(a: Any, b: Any) -> Any:
    return narwhals().when(b != 0).then(a - _frame_quotient(a, b).floor() * b)


def _remainder(a: Array, b: Array) -> Array:
    # In one place of memory: half the time. A division by 0 ends as NaN.
    found = np.divide(a, b)
    np.floor(found, found)
    np.multiply(found, b, found)
    return np.subtract(a, found, found)


def _remains(dividend: Node, divisor: Node) -> Kind:
    """Give a whole number only where no step of computing it is beyond what a float holds."""
    is_exact = dividend.bound + divisor.bound <= LARGEST
    kind, _ = number(lambda a, b: b)(dividend, divisor)
    return kind if is_exact else FLOAT, divisor.bound


def _of_whole(compute: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """Of whole numbers there is no -0.0, also where they are floats beside nulls."""

    def array(a: Array, b: Array) -> Array:
        found = compute(a, b)
        return found if found.dtype.kind == "i" else found + 0.0

    return array


def _frame_of_whole(found: Any) -> Any:
    """As `_of_whole`; Polars leaves out what adds 0.0."""
    return narwhals().when(found == 0).then(0.0).otherwise(found)


def _frame_floor(a: Any, b: Any) -> Any:
    return narwhals().when(b != 0).then(_frame_quotient(a, b).floor())


def _floor(a: Array, b: Array) -> Array:
    return np.where(b == 0, np.nan, np.floor(a / b))


def _compared(takes: str, compare: Callable[[Any, Any], Any]) -> Function:
    """Compare; what is null is neither so nor otherwise."""

    def array(a: Array, b: Array) -> Array:
        return np.where(is_null(a) | is_null(b), np.nan, compare(a, b))

    return Function("", {"left": takes, "right": takes}, gives(BOOLEAN), compare, array)


def _clipped(value: Node, low: Node, high: Node) -> Kind:
    if low.operation == high.operation == LITERAL and low.options[0] > high.options[0]:
        raise ValueError(f"clip between {low} and {high}: the first is the larger one")
    return number(larger)(value, low, high)


def _finite(values: Array) -> Array:
    finite = np.isfinite(values)
    # Counting is the fastest way to ask whether all are.
    return values if np.count_nonzero(finite) == values.size else np.where(finite, values, np.nan)


def _by_element(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """Compute each element by the C library, as Polars does: NumPy's own differ in the last bit."""
    return lambda values: np.array([function(value) for value in values.tolist()], np.float64)


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _log1p(value: float) -> float:
    """Return log(1 + x), of a small x as well (W. Kahan): Narwhals has the logarithm alone."""
    more = 1.0 + value
    if more == 1.0:
        return value
    return math.log(more) * (value / (more - 1.0)) if more > 0 else math.nan


def _frame_log1p(values: Any) -> Any:
    more = values + 1.0
    found = narwhals().when(more == 1.0).then(values)
    return found.otherwise(more.log() * (values / (more - 1.0)))


def _frame_minimum(a: Any, b: Any) -> Any:
    nw = narwhals()
    return nw.when(a <= b).then(a).otherwise(nw.when(a > b).then(b))


def _frame_maximum(a: Any, b: Any) -> Any:
    nw = narwhals()
    return nw.when(a >= b).then(a).otherwise(nw.when(a < b).then(b))


def _minimum(a: Array, b: Array) -> Array:
    # NumPy's own does not say which 0 is smaller, 0.0 or -0.0.
    return np.where(a <= b, a, np.where(a > b, b, np.nan))


def _maximum(a: Array, b: Array) -> Array:
    return np.where(a >= b, a, np.where(a < b, b, np.nan))


def _coalesce(first: Array, *others: Array) -> Array:
    for other in others:
        first = np.where(is_null(first), other, first)
    return first


def _is_in(values: Array, wanted: tuple[Any, ...]) -> Array:
    known = set(wanted)
    return np.where(is_null(values), np.nan, [value in known for value in values.tolist()])


OPERATORS = {
    "+": Function("", PAIR, number(lambda a, b: a + b), lambda a, b: a + b, np.add, is_open=True),
    "-": Function("", PAIR, number(lambda a, b: a + b), lambda a, b: a - b, np.subtract,
                  is_open=True),
    "*": Function("", PAIR, number(lambda a, b: a * b), lambda a, b: a * b, np.multiply,
                  is_open=True),
    "/": Function("", PAIR, _divided(gives(FLOAT)), _frame_quotient, np.divide),
    "//": Function("", PAIR, _divided(number(lambda a, b: max(a, 1))), _frame_floor, _floor),
    "%": Function("", PAIR, _divided(_remains), _frame_remainder, _remainder),
    "<": _compared("ordered", lambda a, b: a < b),
    "<=": _compared("ordered", lambda a, b: a <= b),
    ">": _compared("ordered", lambda a, b: a > b),
    ">=": _compared("ordered", lambda a, b: a >= b),
    "==": _compared("comparable", lambda a, b: a == b),
    "!=": _compared("comparable", lambda a, b: a != b),
    # Of arrays, a boolean is 1, 0 or NaN.
    "&": Function("", TRUTHS, gives(BOOLEAN), lambda a, b: a & b,
                  lambda a, b: np.where((a == 0) | (b == 0), 0.0, a * b)),
    "|": Function("", TRUTHS, gives(BOOLEAN), lambda a, b: a | b,
                  lambda a, b: np.where((a == 1) | (b == 1), 1.0, a + b)),
    "~": Function("", {"value": "boolean"}, gives(BOOLEAN), lambda a: ~a, lambda a: 1.0 - a),
}  # fmt: skip
OF_WHOLES = {
    "*": Function("", PAIR, gives(INTEGER), lambda a, b: _frame_of_whole(a * b),
                  _of_whole(np.multiply)),
    "//": Function("", PAIR, gives(INTEGER), lambda a, b: _frame_of_whole(_frame_floor(a, b)),
                   _of_whole(_floor)),
    # By a literal, which is not 0.
    "%": Function("", PAIR, gives(INTEGER), _frame_remainder, _of_whole(np.remainder)),
}  # fmt: skip
FUNCTIONS = {
    "where": Function(
        "the second operand where the first is true, else (also where it is null) the third",
        {"condition": "boolean", "met": "same", "otherwise": "same"},
        lambda condition, *values: same(*values),
        lambda condition, met, otherwise: narwhals().when(condition).then(met).otherwise(otherwise),
        lambda condition, met, otherwise: np.where(condition == 1, met, otherwise),
        is_open=True,
    ),
    "coalesce": Function(
        "the first of its operands that is not null", {"first": "same", "*others": "same"}, same,
        lambda *values: narwhals().coalesce(*values), _coalesce,
    ),
    "is_null": Function(
        "whether there is no value", {"value": "any"}, gives(BOOLEAN),
        lambda value: value.is_null(), lambda value: is_null(value).astype(np.float64),
    ),
    "is_in": Function(
        "whether it is one of a list of numbers or of texts",
        {"value": "category or number", "values": "values"}, gives(BOOLEAN),
        lambda value, values: value.is_in([*values]), _is_in,
    ),
    "clip": Function(
        "the number, but no less than the second operand and no more than the third",
        {"value": "number", "low": "number", "high": "number"}, _clipped,
        lambda value, low, high: _frame_minimum(_frame_maximum(value, low), high),
        lambda value, low, high: _minimum(_maximum(value, low), high),
    ),
    "minimum": Function("the smaller of two numbers", PAIR, number(larger),
                        _frame_minimum, _minimum),
    "maximum": Function("the larger of two numbers", PAIR, number(larger),
                        _frame_maximum, _maximum),
    "absolute": Function("the number without its sign; abs() is the same", {"value": "number"},
                         number(lambda a: a), lambda value: value.abs(), np.abs, is_open=True),
    "sqrt": Function("the square root; null of a negative number", {"value": "number"},
                     gives(FLOAT), lambda value: value.sqrt(), np.sqrt),
    "exp": Function("e to the power of it", {"value": "number"}, gives(FLOAT),
                    lambda value: value.exp(), _by_element(_exp)),
    "log1p": Function("the natural logarithm of 1 + it; null from -1 down", {"value": "number"},
                      gives(FLOAT), _frame_log1p, _by_element(_log1p)),
}  # fmt: skip
IMPLIED = {
    FINITE: Function(
        "", {"value": "number"}, number(lambda a: a),
        lambda value: narwhals().when(value.is_finite()).then(value), _finite, is_open=True,
    ),
    AS_NUMBER: Function(
        "", {"value": "boolean"}, gives(INTEGER, 1),
        lambda value: value.cast(narwhals().Float64), lambda value: value,
    ),
}  # fmt: skip
