"""The functions that `derive` is handed, and what they and the operators take.

Each gives a node of the graph; what an operand may not be is refused here, before a row is read.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, Signature
from typing import Any

from lifecycle.contract.columns import Schema
from lifecycle.contract.language import moments, numbers, texts
from lifecycle.contract.language.function import Function
from lifecycle.contract.language.graph import (
    AS_NUMBER,
    BOOLEAN,
    COLUMN,
    DATETIME,
    FINITE,
    FLOAT,
    INTEGER,
    LITERAL,
    NULL,
    NUMBERS,
    OF_WHOLE,
    TEXT,
    Node,
    Operate,
    literal,
    walk,
)
from lifecycle.contract.language.learnt import LEARNT, Learnt

# What an owner calls by name.
FUNCTIONS: Mapping[str, Function] = {**numbers.FUNCTIONS, **moments.FUNCTIONS, **texts.FUNCTIONS}
# Everything that is computed of frames and of arrays.
COMPUTED: Mapping[str, Function] = {
    **numbers.OPERATORS, **numbers.IMPLIED, **texts.TABLES, **FUNCTIONS,
    **{name + OF_WHOLE: one for name, one in numbers.OF_WHOLES.items()},
}  # fmt: skip
# What an operand is, by what a function takes: the kinds, and how they are called.
OPERANDS = {
    "number": (NUMBERS, "a number"), "boolean": ((BOOLEAN,), "a boolean"),
    "text": ((TEXT,), "text"), "datetime": ((DATETIME,), "a datetime"),
    "category": ((TEXT, INTEGER, BOOLEAN), "text or a whole number"),
    "category or None": ((TEXT, INTEGER, BOOLEAN, NULL), "text or a whole number"),
    "category or number": ((TEXT, *NUMBERS), "text or a number"),
    "ordered": ((*NUMBERS, DATETIME), "a number or a datetime"),
    "comparable": ((*NUMBERS, TEXT, DATETIME), "a value (ask is_null() of None)"),
    "same": ((*NUMBERS, TEXT, DATETIME, NULL), "a value"),
    "any": ((*NUMBERS, TEXT, DATETIME), "a value"),
}  # fmt: skip
ALIKE = ("same", "comparable", "ordered")
# What is given as a plain value, by what a function takes.
OPTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "letters": (lambda value: type(value) is int and value > 0, "a whole number from 1 on"),
    "values": (lambda value: isinstance(value, list | tuple | set) and len(value) > 0,
               "a list of values"),
    "share": (lambda value: type(value) in (int, float) and 0 <= value <= 1, "a share, 0 to 1"),
    "weight": (lambda value: type(value) in (int, float) and 0 <= value < math.inf,
               "a number of rows, 0 or more"),
    "name": (lambda value: isinstance(value, str), "a name"),
}  # fmt: skip


class Vocabulary:
    """What `derive` may ask, as `functions.hour(moment)`, of the columns of a schema."""

    def __init__(self, schema: Schema) -> None:
        """Begin with nothing asked."""
        self._private = {c.name for c in schema.columns if c.private}
        self._listed = set(schema.private_categories)
        self._finite: dict[int, Node] = {}

    def __getattr__(self, name: str) -> Any:
        if name in FUNCTIONS or name in LEARNT:
            return partial(self.make, name)
        near = difflib.get_close_matches(name, [*FUNCTIONS, *LEARNT], 1)
        raise AttributeError(f"there is no function {name}" + f"; is it {near[0]}?" * bool(near))

    def make(self, name: str, *given: Any, **named: Any) -> Node:
        """Return the node of a function or an operator, of nodes and plain values.

        Raises:
            ValueError: an operand is of another kind than is taken.
        """
        function = LEARNT.get(name) or COMPUTED[name]
        operands, options = self._given(name, function, given, named)
        takes = [what for what, _ in operands]
        nodes = [literal(value, self.make) for _, value in operands]
        for what, node in zip(takes, nodes, strict=True):
            kinds, called = OPERANDS[what]
            if node.kind not in kinds:
                raise ValueError(f"{name} takes {called}, and {_said(node)}")
        nodes = self._as_numbers(takes, nodes)
        alike = _alike(name, takes, nodes)
        kind, bound = function.gives(*nodes)
        nodes = [_null(alike, self.make) if node.kind == NULL else node for node in nodes]
        if "values" in function.takes:
            options = (_values(name, nodes[0], options[0]),)
        if isinstance(function, Learnt):
            self._refuse_told(name, function, nodes)
        if isinstance(function, Learnt) or not function.is_open:
            nodes = [self.finite(node) for node in nodes]
        if name in numbers.OF_WHOLES and kind == INTEGER:
            name += OF_WHOLE * (name != "%" or nodes[1].operation == LITERAL)
        columns = frozenset().union(*(node.columns for node in nodes))
        # What a table or a model says of a text repeats none.
        repeats = frozenset().union(*(node.repeats for node in nodes if name not in LEARNT))
        return Node(name, tuple(nodes), options, kind, self.make, bound, columns,
                    repeats if kind == TEXT else frozenset())  # fmt: skip

    def column(self, name: str, kind: str, bound: float) -> Node:
        """Return the node of a column."""
        repeats = frozenset({name} if kind == TEXT else ())
        return Node(COLUMN, (), (name,), kind, self.make, bound, frozenset({name}), repeats)

    def finite(self, node: Node) -> Node:
        """Return the node with null for what is no finite number, the same one each time."""
        if node.kind != FLOAT or node.operation in (LITERAL, FINITE) or node.operation in LEARNT:
            return node
        if id(node) not in self._finite:
            self._finite[id(node)] = Node(
                FINITE, (node,), (), FLOAT, self.make, node.bound, node.columns
            )
        return self._finite[id(node)]

    def _given(
        self, name: str, function: Function | Learnt, given: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[list[tuple[str, Any]], tuple[Any, ...]]:
        """Return the operands, each with what it must be, and the options."""
        signature = Signature([
            Parameter(one.lstrip("*"),
                      Parameter.VAR_POSITIONAL if one.startswith("*")
                      else Parameter.POSITIONAL_OR_KEYWORD,
                      default=function.defaults.get(one, Parameter.empty))
            for one in function.takes
        ])  # fmt: skip
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            raise ValueError(f"{name}(): {error}") from None
        bound.apply_defaults()
        operands: list[tuple[str, Any]] = []
        options: list[Any] = []
        for one, what in function.takes.items():
            value = bound.arguments[one.lstrip("*")]
            if what in OPTIONS:
                is_right, called = OPTIONS[what]
                if not is_right(value):
                    raise ValueError(f"{name}(): {one} is {called}, and not {value!r}")
                options.append(value)
            elif one.startswith("*"):
                operands += [(what, each) for each in value]
            elif value is not None or what != "category or None":
                operands.append((what, value))
        return operands, tuple(options)

    def _as_numbers(self, takes: list[str], nodes: list[Node]) -> list[Node]:
        """Let booleans be 1 and 0 where numbers are taken, or stand beside them."""
        mixed = {n.kind for n, what in zip(nodes, takes, strict=True) if what in ALIKE}
        wanted = {what for what in takes if what not in (*ALIKE, "boolean", "any")}
        if mixed & {INTEGER, FLOAT}:
            wanted |= {*ALIKE}
        return [
            self.make(AS_NUMBER, node) if node.kind == BOOLEAN and what in wanted else node
            for node, what in zip(nodes, takes, strict=True)
        ]

    def _refuse_told(self, name: str, function: Learnt, nodes: list[Node]) -> None:
        """Refuse what would put a private value into the model's file.

        Raises:
            ValueError: it would, or it is to be learnt of what is learnt itself.
        """
        if any(node.operation in LEARNT for node in walk(nodes)):
            raise ValueError(f"{name} is learnt, and so is an operand of it: learn of columns")
        values, by = (nodes[:1], nodes[1:]) if "by" in function.takes else ([], nodes)
        for node in values:
            if function.of_one[not by]:
                self._refuse_private(f"{name} of {node}", node.columns)
        for node in by:
            is_listed = node.operation == COLUMN and node.options[0] in self._listed
            # By a table go what stands in it alone.
            if not is_listed and not name.startswith("lookup"):
                told = node.repeats if node.kind == TEXT else node.columns
                self._refuse_private(f"{name} by {node}", told)

    def _refuse_private(self, what: str, told: frozenset[str]) -> None:
        if private := sorted(told & self._private):
            raise ValueError(f"{what} would put values of {', '.join(private)} into the model's "
                             "file, and schema.yaml says private")  # fmt: skip


def _said(node: Node) -> str:
    called = {INTEGER: "a whole number", FLOAT: "a number", NULL: "None", TEXT: "text"}
    return f"{node} is {called.get(node.kind, f'a {node.kind}')}"


def _alike(name: str, takes: list[str], nodes: list[Node]) -> str:
    """Return the kind of the operands that must be of one kind.

    Raises:
        ValueError: they are of several, or all of them None.
    """
    alike = [n for n, what in zip(nodes, takes, strict=True) if what in ALIKE and n.kind != NULL]
    kinds = {FLOAT if node.kind == INTEGER else node.kind for node in alike}
    if len(kinds) > 1:
        raise ValueError(f"{name} takes values of one kind: " + ", ".join(map(_said, alike)))
    if not kinds and any(what in ALIKE for what in takes):
        raise ValueError(f"{name} takes a value, and not None alone")
    return next(iter(kinds), NULL)


def _null(kind: str, operate: Operate) -> Node:
    return Node(LITERAL, (), (None,), kind, operate)


def _values(name: str, node: Node, values: Any) -> tuple[Any, ...]:
    """Return the values that something is compared with, in its kind."""
    wanted = (str,) if node.kind == TEXT else (int, float)
    for value in values:
        if not isinstance(value, wanted) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{name}: {_said(node)}, and {value!r} is none")
    return tuple(values) if node.kind == TEXT else tuple(float(value) for value in values)
