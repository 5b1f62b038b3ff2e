"""What is learnt of the training part alone, or read from a table: the model's file carries it.

There it stands under the text of its definition: one number, or one for each category and one for
all others (those that the training part does not have, and null).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from lifecycle.contract.language import table
from lifecycle.contract.language.function import Array, Kind, gives, is_null
from lifecycle.contract.language.graph import FLOAT, INTEGER, TEXT, UNBOUNDED
from lifecycle.contract.language.texts import PLENTY

VALUES, OTHERWISE = "values", "otherwise"
# Of how many rows of the overall mean a category's target mean is a mixture.
SMOOTHING = 20.0
# Learns of the operands' values, of the options, and of the target.
Learn = Callable[[Sequence[Array], Sequence[Any], Array], Any]


@dataclass(frozen=True)
class Learnt:
    """What is learnt: it takes and gives, as a `Function` does, and how it is learnt."""

    says: str
    takes: Mapping[str, str]
    gives: Callable[..., Kind]
    learn: Learn
    defaults: Mapping[str, Any] = field(default_factory=dict)
    # Whether a row's own target has a part in it.
    of_target: bool = False
    # Whether it can be the value of a single row, by category or without.
    of_one: tuple[bool, bool] = (False, False)


def by_category(values: Array, categories: Array) -> dict[str, list[Any]]:
    """Return the known values of each category, by its name as JSON has it."""
    found: dict[str, list[Any]] = {}
    known = ~is_null(values) & ~is_null(categories)
    for category, value in zip(categories[known].tolist(), values[known].tolist(), strict=True):
        name = category if isinstance(category, str) else str(int(category))
        found.setdefault(name, []).append(value)
    return dict(sorted(found.items()))


def _statistic(
    of: Callable[..., float], otherwise: float | None,
    operands: Sequence[Array], options: Sequence[Any], _: Array,
) -> Any:  # fmt: skip
    """Learn one number of the first operand, or one by each category of the second."""
    if len(operands) == 2:
        groups = by_category(*operands)
        return {VALUES: {name: of(found, *options) for name, found in groups.items()},
                OTHERWISE: otherwise}  # fmt: skip
    known = operands[0][~is_null(operands[0])].tolist()
    if not known and otherwise is None:
        raise ValueError("the training part has no value of it")
    return of(known, *options)


def _mean(values: Sequence[float]) -> float:
    # The sum is exact, so that neither order nor processor has a part in it.
    return math.fsum(values) / len(values)


def _quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(np.array(values, np.float64), share))


def _target_mean(operands: Sequence[Array], options: Sequence[Any], target: Array) -> Any:
    """Learn the target's mean by category, as if `smoothing` more rows of it had the overall mean.

    D. Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes in
    Classification and Prediction Problems" (2001).
    """
    (weight,), mean = options, _mean(target[~np.isnan(target)].tolist())
    found = {
        name: (math.fsum(values) + weight * mean) / (len(values) + weight)
        for name, values in by_category(target, operands[0]).items()
    }
    return {VALUES: found, OTHERWISE: mean}


def _lookup(kind: str, operands: Sequence[Array], options: Sequence[Any], _: Array) -> Any:
    by_text = operands[0].dtype == object
    found = table.read(*options, as_number=kind == FLOAT, by_text=by_text)
    return {VALUES: found, OTHERWISE: None}


def _of_numbers(says: str, of: Callable[..., float], one: bool, **options: str) -> Learnt:
    takes = {"value": "number", **options, "by": "category or None"}
    return Learnt(says, takes, gives(FLOAT), partial(_statistic, of, None), {"by": None},
                  of_one=(True, one))  # fmt: skip


def _of_table(says: str, kind: str) -> Learnt:
    takes = {"table": "name", "value": "category", "column": "name"}
    return Learnt(says, takes, gives(kind), partial(_lookup, kind))


LEARNT = {
    "mean": _of_numbers(
        "the mean of what is not null; with by=, a category, of the rows that share it",
        _mean, one=False),
    "median": _of_numbers("the median, in the same way", partial(_quantile, share=0.5), one=True),
    "quantile": _of_numbers(
        "the quantile of a share from 0 to 1 (between two values, by their distance)",
        _quantile, one=True, share="share"),
    "count": Learnt(
        "how many rows have a value, with by= of those that share the category (0 of an unknown)",
        {"value": "any", "by": "category or None"}, gives(INTEGER, PLENTY),
        partial(_statistic, lambda values: float(len(values)), 0.0), {"by": None}),
    "target_mean": Learnt(
        "the target's mean of a category, with `smoothing` rows of the overall mean mixed in",
        {"category": "category", "smoothing": "weight"}, gives(FLOAT, UNBOUNDED), _target_mean,
        {"smoothing": SMOOTHING}, of_target=True),
    "lookup": _of_table("the number in a column of a table, by the table's first column", FLOAT),
    "lookup_text": _of_table("the text in a column of a table", TEXT),
}  # fmt: skip
