"""A graph computed: as expressions of a frame, or step by step on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lifecycle.contract.language.function import OVERFLOWS, Array, narwhals
from lifecycle.contract.language.graph import (
    BOOLEAN,
    COLUMN,
    DATETIME,
    INTEGER,
    LITERAL,
    NUMBERS,
    OF_WHOLE,
    TEXT,
    UNBOUNDED,
    Node,
    walk,
)
from lifecycle.contract.language.vocabulary import COMPUTED


def expressions(outputs: Mapping[str, Node]) -> dict[str, Any]:
    """Return the outputs as Narwhals' expressions, in the types that columns of frames have."""
    nw = narwhals()
    made: dict[int, Any] = {}
    for node in walk(outputs.values()):
        if node.operation == COLUMN:
            column = nw.col(node.options[0])
            made[id(node)] = column.cast(nw.Float64) if _is_number(node) else column
        elif node.operation == LITERAL:
            made[id(node)] = _frame_literal(node)
        else:
            inputs = [made[id(one)] for one in node.inputs]
            made[id(node)] = COMPUTED[node.operation].frame(*inputs, *node.options)
    return {
        name: made[id(node)].cast(nw.Int64) if node.kind == INTEGER else made[id(node)]
        for name, node in outputs.items()
    }


def _is_number(node: Node) -> bool:
    return node.kind in NUMBERS and node.kind != BOOLEAN


def _frame_literal(node: Node) -> Any:
    nw, (value,) = narwhals(), node.options
    types = {TEXT: nw.String, BOOLEAN: nw.Boolean, DATETIME: nw.Datetime("us")}
    if _is_number(node) and value is not None:
        value = float(value)
    return nw.lit(value, types.get(node.kind, nw.Float64))


def _array_literal(node: Node) -> Array:
    types: dict[str, Any] = {TEXT: object, DATETIME: "datetime64[us]", INTEGER: np.int64}
    # An array of one, which NumPy takes twice as fast as a number. None becomes NaN or NaT.
    return np.array([node.options[0]], types.get(node.kind, np.float64))


def _as_number(values: Array) -> Array:
    return values if values.dtype == np.int64 else np.asarray(values, np.float64)


def _as_moment(values: Array) -> Array:
    return values.astype("datetime64[us]", copy=False)


def _final(kind: str) -> Callable[[Array], Array] | None:
    """Return what makes whole numbers and booleans of floats where none is null."""
    type_: Any = {INTEGER: np.int64, BOOLEAN: np.bool_}.get(kind)
    if type_ is None:
        return None
    # Beside nulls they stay floats.
    return lambda found: (
        found if found.dtype == type_ or np.count_nonzero(np.isnan(found)) else found.astype(type_)
    )


def _with_options(compute: Callable[..., Array], options: tuple[Any, ...]) -> Callable[..., Array]:
    return lambda *operands: compute(*operands, *options)


def _is_quiet(node: Node) -> bool:
    """Return whether NumPy never warns of it, as it does of an overflow or a division by zero."""
    if node.operation in ("/", "//", "%", "//" + OF_WHOLE):
        dividend, divisor = node.inputs
        least = abs(divisor.options[0]) if divisor.operation == LITERAL else 0.0
        return dividend.bound < OVERFLOWS * least
    return node.operation != "sqrt" and (not _is_number(node) or node.bound < UNBOUNDED)


class Plan:
    """The outputs of a graph on arrays: what is to be done, in order, found once."""

    def __init__(self, outputs: Mapping[Any, Node]) -> None:
        """Number the nodes; literals have their values already."""
        nodes = list(walk(outputs.values()))
        slot = {id(node): index for index, node in enumerate(nodes)}
        self._values: list[Any] = [None] * len(nodes)
        self._loads: list[tuple[int, str, Any]] = []
        self._steps: list[tuple[int, Any, int, int, list[int]]] = []
        for index, node in enumerate(nodes):
            if node.operation == LITERAL:
                self._values[index] = _array_literal(node)
            elif node.operation == COLUMN:
                load = {TEXT: np.asarray, DATETIME: _as_moment}.get(node.kind, _as_number)
                self._loads.append((index, node.options[0], load))
            else:
                compute = COMPUTED[node.operation].array
                if node.options:
                    compute = _with_options(compute, node.options)
                # Nearly all take one operand or two, which is done without a list of them.
                first, *more = [slot[id(one)] for one in node.inputs]
                self._steps.append((index, compute, first, more[0] if more else -1, more[1:]))
        # To keep NumPy from warning takes as long as three operations.
        self._is_quiet = all(map(_is_quiet, nodes))
        self._outputs = [
            (name, slot[id(node)], _final(node.kind)) for name, node in outputs.items()
        ]

    def __call__(self, columns: Mapping[str, Array], rows: int) -> dict[Any, Array]:
        """Return each output of `columns`, whose arrays have `rows` elements."""
        made = self._values.copy()
        for index, name, load in self._loads:
            made[index] = load(columns[name])
        if self._is_quiet:
            self._compute(made)
        else:
            with np.errstate(all="ignore"):
                self._compute(made)
        found = {}
        for name, index, final in self._outputs:
            values = made[index] if final is None else final(made[index])
            found[name] = values if len(values) == rows else np.repeat(values, rows)
        return found

    def _compute(self, made: list[Any]) -> None:
        for index, compute, first, second, others in self._steps:
            if second < 0:
                made[index] = compute(made[first])
            elif not others:
                made[index] = compute(made[first], made[second])
            else:
                made[index] = compute(made[first], made[second], *[made[i] for i in others])
