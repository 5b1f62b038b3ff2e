"""Columns that are probably known only after the event: copies of the target, and codes for it.

What is too good to be true is a leak until shown otherwise (Kaufman, Rosset, Perlich and Stitelman,
"Leakage in Data Mining", 2012, section 4). Three signs, each with a threshold of ours, chosen so
that none of the data sets of benchmarks/data_sets.py has a false alarm and each planted leak of
tests/machinery/adopt is found:

copy      the column alone has nearly all the skill that there is
code      one of few values stands for each class: it avoids most mistakes
far ahead the column alone knows far more than all columns below it together
empty     it has no value just where the target is not known
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lifecycle.adopt import trial
from lifecycle.adopt.trial import Problem

COPY = 0.985
# A code has at most so many values for each class.
CODE, VALUES_A_CLASS = 0.75, 3
# Of one column; and of several that know the same, of which the weakest is looked at.
STRONG, AHEAD = 0.6, 0.2
STRONG_OF_SEVERAL, AHEAD_OF_SEVERAL, SEVERAL = 0.9, 0.3, 4
# Where the target is not known, a column is empty in so many rows, elsewhere in nearly none.
EMPTY, ELSEWHERE, ROWS_UNKNOWN = 0.8, 0.1, 10
ROWS, CELLS, ROWS_TOGETHER = 20_000, 2_000_000, 8_000


@dataclass(frozen=True)
class Leak:
    """A probable leak, and why."""

    raw: str
    why: str


def find(
    sample: pl.DataFrame, names: list[str], target: str, task: str, positive: str | None = None
) -> tuple[list[Leak], dict[str, float]]:
    """Return the probable leaks among columns, and the skill of each column alone.

    Args:
        sample: Rows with every column in its type.
        names: The columns to look at.
        target: The column that is predicted.
        task: Its task.
        positive: Of two texts the one that is predicted.
    """
    empty = _empty(sample, names, target)
    labelled = _thinned(sample.filter(pl.col(target).is_not_null()), len(names))
    label = trial.problem(labelled[target], task, positive)
    alone = {name: trial.alone(labelled[name], label) for name in names}
    found = [Leak(name, why) for name in names if (why := _copy(labelled, name, alone, label))]
    known = {leak.raw for leak in [*found, *empty]}
    ordered = sorted((n for n in names if n not in known), key=lambda name: -alone[name])
    few = _few(labelled)
    found += _ahead(few, ordered, alone, trial.problem(few[target], task, positive))
    found += [leak for leak in empty if leak.raw not in {one.raw for one in found}]
    return found, alone


def _ahead(
    rows: pl.DataFrame, ordered: list[str], alone: dict[str, float], label: Problem
) -> list[Leak]:
    """Return the columns, strongest first, that alone know far more than all below them."""
    found: list[Leak] = []
    begin = 0
    for place, name in enumerate(ordered[:-1]):
        several = place > begin
        least, ahead = (
            (STRONG_OF_SEVERAL, AHEAD_OF_SEVERAL) if several else (STRONG, AHEAD)
        )  # fmt: skip
        if alone[name] < least or place - begin >= SEVERAL:
            break
        rest = label.task.skill(label.label, trial.together(rows, ordered[place + 1 :], label))
        if alone[name] - rest < ahead:
            continue
        found += [
            Leak(one, f"alone it has a skill of {alone[one]:.2f}, and all columns that know less "
                      f"have together {rest:.2f}") for one in ordered[begin : place + 1]
        ]  # fmt: skip
        begin = place + 1
    return found


def _copy(rows: pl.DataFrame, name: str, alone: dict[str, float], label: Problem) -> str:
    """Say why a column is a copy of the target or a code for it; empty where it is none."""
    skill = alone[name]
    if skill >= COPY:
        return f"alone it tells the target (skill {skill:.3f} of 1): a copy, or a re-coding"
    distinct = rows[name].n_unique()
    if not label.classes or distinct > VALUES_A_CLASS * label.classes:
        return ""
    # Of a code, what it avoids of the mistakes of the most frequent class.
    made = trial.encoded(rows[name].cast(pl.String))[0]
    lambda_ = trial.avoided(made, label)
    if lambda_ >= CODE:
        return f"its few values stand for those of the target: they avoid {lambda_:.0%} of mistakes"
    return ""


def _empty(sample: pl.DataFrame, names: list[str], target: str) -> list[Leak]:
    unknown = sample.filter(pl.col(target).is_null())
    if unknown.height < ROWS_UNKNOWN:
        return []
    known = sample.filter(pl.col(target).is_not_null())
    return [
        Leak(name, "it is empty just where the target is not known, so it is known no earlier")
        for name in names
        if unknown[name].null_count() >= EMPTY * unknown.height
        and known[name].null_count() < ELSEWHERE * known.height
    ]


def _thinned(rows: pl.DataFrame, columns: int) -> pl.DataFrame:
    most = max(1_000, min(ROWS, CELLS // max(1, columns)))
    return rows.gather_every(max(1, -(-rows.height // most)))


def _few(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.gather_every(max(1, -(-rows.height // ROWS_TOGETHER)))
