"""What `derive` of project/features.py gives: a graph of operations, each with its kind.

The definition runs once, on nodes that stand for columns; whatever is computed of it later, on
frames or on arrays, walks this graph. A number is a 64-bit float on both; what is no finite number
(a division by zero, an overflow) is null, and a null passes through every operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

INTEGER, FLOAT, BOOLEAN, TEXT, DATETIME, NULL = (
    "integer", "float", "boolean", "text", "datetime", "null"
)  # fmt: skip
NUMBERS = (INTEGER, FLOAT, BOOLEAN)
LITERALS = {bool: BOOLEAN, int: INTEGER, float: FLOAT, str: TEXT, datetime: DATETIME}
# Up to here a 64-bit float holds each whole number.
LARGEST = 2.0**53
UNBOUNDED = float("inf")
COLUMN, LITERAL = "column", "literal"
# Added to the name of what is computed in another way of whole numbers than of others.
OF_WHOLE = " of whole"
# What no owner writes: null for what is no finite number, and 1 and 0 for booleans.
FINITE, AS_NUMBER = IMPLIED = ("finite", "as number")
# Makes the node of an operation from its name and its operands (see feature_language).
Operate = Callable[..., "Node"]


def _both(sign: str) -> tuple[Callable[..., Node], Callable[..., Node]]:
    """Return what an operator does with a node to its left, and with one to its right."""
    return (
        lambda self, other: self.operate(sign, self, other),
        lambda self, other: self.operate(sign, other, self),
    )


@dataclass(frozen=True, eq=False)
class Node:
    """One operation on others, written down; an owner combines nodes by operators."""

    operation: str
    inputs: tuple[Node, ...]
    # Plain values: a column's name, a literal, how many letters a prefix has.
    options: tuple[Any, ...]
    kind: str
    operate: Operate
    # No number of it is larger.
    bound: float = UNBOUNDED
    # The columns behind it, and those whose text its own text repeats.
    columns: frozenset[str] = frozenset()
    repeats: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Return it as its definition has it; by this name a model file keeps what is learnt."""
        if self.operation in (COLUMN, LITERAL):
            return str(self.options[0])
        if self.operation in IMPLIED:
            return str(self.inputs[0])
        said = [str(one) for one in (*self.inputs, *self.options) if one is not None]
        if not self.operation[0].isalpha() and len(said) == 2:
            return f"({said[0]} {self.operation.removesuffix(OF_WHOLE)} {said[1]})"
        return f"{self.operation}({', '.join(said)})"

    def __bool__(self) -> bool:
        raise ValueError("and, or, not, if and in ask for one answer, and each row has its own: "
                         "write &, |, ~, where() or is_in()")  # fmt: skip

    __add__, __radd__ = _both("+")
    __sub__, __rsub__ = _both("-")
    __mul__, __rmul__ = _both("*")
    __truediv__, __rtruediv__ = _both("/")
    __floordiv__, __rfloordiv__ = _both("//")
    __mod__, __rmod__ = _both("%")
    __and__, __rand__ = _both("&")
    __or__, __ror__ = _both("|")
    # Of comparisons Python turns the other way round what stands to the right.
    __lt__, __le__, __gt__, __ge__ = (_both(sign)[0] for sign in ("<", "<=", ">", ">="))
    __eq__, __ne__ = (_both(sign)[0] for sign in ("==", "!="))  # type: ignore[assignment]
    __hash__ = object.__hash__

    def __invert__(self) -> Node:
        return self.operate("~", self)

    def __neg__(self) -> Node:
        return self.operate("*", self, -1)

    def __abs__(self) -> Node:
        return self.operate("absolute", self)


def walk(nodes: Iterable[Node], seen: set[int] | None = None) -> Iterator[Node]:
    """Yield each node of a graph once, what is needed first."""
    seen = set() if seen is None else seen
    for node in nodes:
        if id(node) not in seen:
            seen.add(id(node))
            yield from walk(node.inputs, seen)
            yield node


def literal(value: Any, operate: Operate) -> Node:
    """Return the node of a plain value, and a node as it is.

    Raises:
        ValueError: it is none that a row could have.
    """
    if isinstance(value, Node):
        return value
    kind = NULL if value is None else LITERALS.get(type(value))
    if kind is None:
        raise ValueError(f"{value!r} is no number, text, datetime or None")
    bound = abs(float(value)) if kind in NUMBERS else UNBOUNDED
    if kind in NUMBERS and not bound <= (LARGEST if kind == INTEGER else 1e300):
        raise ValueError(f"{value!r} is beyond what a feature can hold")
    if kind == DATETIME and value.tzinfo is not None:
        raise ValueError(f"{value} has a zone, and columns have local time: leave it out")
    return Node(LITERAL, (), (value,), kind, operate, bound)
