"""Derived features, evaluated by one definition on frames and on plain arrays alike.

`derive` of project/features.py runs once and gives a graph (see `language`), whose operations are
then computed by Narwhals' expressions (Polars, pandas, Spark frames) or by NumPy (the service,
where a frame for every request would cost ten times the rest). Nulls are nulls in frames and NaN in
arrays, None in text. What is learnt of the training part comes from the model's file.
(ML Test Score, Data 6 and Infrastructure 3.)
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Container, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lifecycle.contract import values
from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.language.evaluate import Plan, expressions
from lifecycle.contract.language.function import narwhals
from lifecycle.contract.language.graph import (
    BOOLEAN,
    COLUMN,
    DATETIME,
    FLOAT,
    INTEGER,
    LITERAL,
    NULL,
    TEXT,
    UNBOUNDED,
    Node,
    literal,
    walk,
)
from lifecycle.contract.language.learnt import LEARNT, OTHERWISE, VALUES
from lifecycle.contract.language.vocabulary import Vocabulary
from project import features as definition

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
Fitted = Mapping[str, Any]
KINDS = {"integer": INTEGER, "float": FLOAT, "boolean": BOOLEAN, "category": TEXT,
         "string": TEXT, "datetime": DATETIME}  # fmt: skip
MISTAKES = (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError)


def _bound(column: Column) -> float:
    low, high = values.bounds(column)
    low = low if column.minimum is None else column.minimum
    high = high if column.maximum is None else column.maximum
    return max(abs(low), abs(high)) if column.type in ("integer", "float") else UNBOUNDED


def _column(schema: Schema, vocabulary: Vocabulary) -> Callable[[str], Node]:
    """Refuse every column that a prediction does not have (ML Test Score, Data 4)."""
    known = {column.name: column for column in schema.columns}
    made: dict[str, Node] = {}

    def column(name: str) -> Node:
        if name not in known:
            raise StageError(f"features.py uses the column {name}, which schema.yaml does not have")
        if name not in schema.request:
            raise StageError(
                f"features.py uses the column {name}, whose role is "
                f"{', '.join(known[name].roles)}: "
                "it is not known when the prediction is made, so take it out of derive()"
            )
        if name not in made:
            made[name] = vocabulary.column(name, KINDS[known[name].type], _bound(known[name]))
        return made[name]

    return column


def graph(schema: Schema) -> dict[str, Node]:
    """Run the definition: the node of each derived feature.

    Raises:
        StageError: there is a mistake in it; what, and in which line.
    """
    vocabulary = Vocabulary(schema)
    try:
        derived = definition.derive(_column(schema, vocabulary), vocabulary)
        return {
            name: _checked(schema, name, vocabulary.finite(literal(value, vocabulary.make)))
            for name, value in derived.items()
        }
    except MISTAKES as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == definition.__file__
        ]  # fmt: skip
        place = f"features.py, line {lines[-1]}" if lines else "features.py"
        raise StageError(f"{place}: {error}") from None


def _checked(schema: Schema, name: str, node: Node) -> Node:
    if name in (column.name for column in schema.columns):
        raise ValueError(f"the feature {name} has the name of a column: give it another")
    if node.kind in (DATETIME, NULL):
        raise ValueError(f"the feature {name} is a {node.kind}: ask something of it, as its hour")
    if told := sorted(node.repeats & {column.name for column in schema.columns if column.private}):
        raise ValueError(f"the feature {name} repeats the text of {', '.join(told)}, which is "
                         "private, and the model's file would have it")  # fmt: skip
    return node


def names(schema: Schema) -> list[str]:
    """Return every feature's name, in the model's order: the schema's, then the derived ones."""
    return [*schema.names("feature"), *graph(schema)]


def origins(schema: Schema) -> dict[str, frozenset[str]]:
    """Return the columns behind each feature."""
    own = {name: frozenset({name}) for name in schema.names("feature")}
    return {**own, **{name: node.columns for name, node in graph(schema).items()}}


def learnt(schema: Schema, without: Container[str] = ()) -> list[Node]:
    """Return what the definition wants to know of the training part, each once.

    Only what other features than those `without` want.
    """
    derived = [node for name, node in graph(schema).items() if name not in without]
    found = {str(n): n for n in walk(derived) if n.operation in LEARNT}
    return list(found.values())


def is_of_target(node: Node) -> bool:
    """Return whether a row's own target has a part in what is learnt."""
    return LEARNT[node.operation].of_target


def fit(schema: Schema, wanted: Iterable[Node], columns: Arrays, target: Array) -> dict[str, Any]:
    """Learn what the definition asks of the training part, for the model's file to carry.

    Args:
        schema: The whole of schema.yaml.
        wanted: What is asked, all of `learnt` or some.
        columns: The request's columns of the training part, as the service has them.
        target: Its target as floats.

    Raises:
        StageError: there is nothing to learn it from, or a table has a mistake.
    """
    found = {}
    for node in wanted:
        operands = Plan(dict(enumerate(node.inputs)))(columns, len(target))
        try:
            made = LEARNT[node.operation].learn([*operands.values()], node.options, target)
        except ValueError as error:
            raise StageError(f"features.py: {node}: {error}") from None
        found[str(node)] = _listed(schema, node, made)
    return found


def _listed(schema: Schema, node: Node, made: Any) -> Any:
    """Keep, of a private column, what schema.yaml lists alone."""
    by = node.inputs[-1]
    listed = schema.private_categories.get(by.options[0]) if by.operation == COLUMN else None
    if listed is None or not isinstance(made, dict) or node.operation.startswith("lookup"):
        return made
    return {**made, VALUES: {name: one for name, one in made[VALUES].items() if name in listed}}


def _resolved(nodes: Mapping[Any, Node], fitted: Fitted) -> dict[Any, Node]:
    """Put what was learnt into the graph.

    Raises:
        StageError: the model has it not.
    """
    made: dict[int, Node] = {}
    for node in walk(nodes.values()):
        inputs = tuple(made[id(one)] for one in node.inputs)
        if node.operation not in LEARNT:
            changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
            made[id(node)] = _with(node, inputs) if changed else node
            continue
        if str(node) not in fitted:
            raise StageError(f"the model does not carry {node}, which features.py asks for: it was "
                             "trained with another one, so run `make pipeline`")  # fmt: skip
        known = fitted[str(node)]
        if not isinstance(known, Mapping):
            value = float(known)
            made[id(node)] = Node(LITERAL, (), (value,), node.kind, node.operate, abs(value))
            continue
        by, table = inputs[-1], known[VALUES]
        if by.kind != TEXT:
            table = {float(key): value for key, value in table.items()}
        name = "texts of" if node.kind == TEXT else "numbers of"
        made[id(node)] = Node(name, (by,), (table, known[OTHERWISE]), node.kind, node.operate)
    return {name: made[id(node)] for name, node in nodes.items()}


def _with(node: Node, inputs: tuple[Node, ...]) -> Node:
    return Node(node.operation, inputs, node.options, node.kind, node.operate)


class Features:
    """All features of a schema's rows, as one model has them: what it learnt is `fitted`."""

    def __init__(
        self, schema: Schema, fitted: Fitted = MappingProxyType({}), without: Container[str] = ()
    ) -> None:
        """Run the definition, once, and leave out the derived features `without`.

        Raises:
            StageError: there is a mistake in it, or the model lacks what it asks for.
        """
        nodes = {name: node for name, node in graph(schema).items() if name not in without}
        derived = _resolved(nodes, fitted)
        self._own, self._request = schema.names("feature"), schema.request[0]
        self.names = [*self._own, *derived]
        self._derived, self._plan = derived, Plan(derived)

    def on_frame(self, frame: Any) -> Any:
        """Add the derived features to a frame of any library that Narwhals knows (lazy or not)."""
        added = expressions(self._derived)
        return narwhals().from_native(frame).with_columns(**added).to_native()

    def on_arrays(self, columns: Arrays) -> dict[str, Array]:
        """Return all features of `columns`: arrays of one length, see above for nulls."""
        derived = self._plan(columns, len(columns[self._request]))
        return {**{name: columns[name] for name in self._own}, **derived}


def on_frame(schema: Schema, frame: Any, fitted: Fitted = MappingProxyType({})) -> Any:
    """Add the derived features to a frame; see `Features`."""
    return Features(schema, fitted).on_frame(frame)


def on_arrays(
    schema: Schema, columns: Arrays, fitted: Fitted = MappingProxyType({})
) -> dict[str, Array]:
    """Return all features of `columns`; see `Features`."""
    return Features(schema, fitted).on_arrays(columns)
