"""What is predicted, and so which task it is: the target's column says it in schema.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lifecycle.adopt.asked import Asked, Said
from lifecycle.adopt.columns import Typed
from lifecycle.adopt.profile import LONGEST
from lifecycle.contract.errors import StageError

MOST_CLASSES = 200
# Whole numbers with so few values may be classes; with more they are amounts.
FEW_NUMBERS = 10
# Of two values the one that is probably asked for.
POSITIVE_WORDS = """
    1 y yes true t positive pos bad default defaulted churn churned fraud late delayed died dead
    malignant sick ill disease failed failure fail lost spam attack abnormal survived clicked bought
    si ja oui
"""
POSITIVE = frozenset(POSITIVE_WORDS.split())
# Fewer rows of a class than this, and no metric of it is more than noise.
RARE_ROWS, RARE_SHARE = 30, 0.02
# With fewer of the second class nothing can be learnt and held out.
LEAST_OF_CLASS = 10


@dataclass(frozen=True)
class Target:
    """The target's column: its task, and what schema.yaml says of it."""

    column: Typed
    task: str
    definition: dict[str, Any] = field(default_factory=dict)
    # Rows of each class, the rarest last.
    counts: dict[str, int] = field(default_factory=dict)


def of_column(column: Typed, asked: Asked, said: Said) -> Target:
    """Decide the task.

    Raises:
        StageError: nothing can be predicted by such a column.
    """
    tally, name = column.tally, column.raw
    if not tally.known:
        raise StageError(f"TARGET={name} has no value in any row")
    if tally.distinct < 2:
        raise StageError(f"TARGET={name} has one value in every row: there is nothing to predict")
    if column.is_beyond:
        raise StageError(f"TARGET={name}: {column.said}")
    task = asked.task or _task(column, said)
    if asked.positive and task != "binary":
        raise StageError(f"POSITIVE={asked.positive} names one of two values, and {name} is "
                         f"{task}", "leave it out")  # fmt: skip
    if task == "regression":
        return _regression(column, said)
    counts = tally.values
    if tally.longest > LONGEST:
        raise StageError(f"TARGET={name} has a value of {tally.longest:,} characters, and a class "
                         f"has at most {LONGEST}", "leave that row out, or mend it")  # fmt: skip
    if counts is None or len(counts) > MOST_CLASSES:
        why = f" ({column.said})" if column.said else ""
        raise StageError(
            f"TARGET={name} has {tally.distinct} values, and classes are at most {MOST_CLASSES}"
            f"{why}", "name a column with fewer, or a number (TASK=regression)",
        )  # fmt: skip
    ordered = dict(sorted(counts.items(), key=lambda one: -one[1]))
    if tally.nulls:
        said.decided.append(f"{tally.nulls} rows without {name} are left out: nobody knows what "
                            "they came to")  # fmt: skip
    _require_two(name, ordered)
    _say_rare(name, ordered, tally.known, said)
    if task == "binary":
        return _binary(column, ordered, asked, said)
    if column.type not in ("category", "string") and not column.tally.shapes:
        raise StageError(f"TARGET={name}: classes that are numbers in a file with kinds",
                         "write them as text, or say TASK=regression")  # fmt: skip
    said.decided.append(f"task: multiclass, since {name} has {len(ordered)} classes")
    return Target(column, task, {"type": "category", "categories": _sorted(ordered)}, ordered)


def _require_two(name: str, ordered: dict[str, int]) -> None:
    """Let two classes at least have rows enough to be learnt and to be measured."""
    second, count = list(ordered.items())[1]
    if count < LEAST_OF_CLASS:
        raise StageError(f"TARGET={name}: {second!r} comes {count} times, and two classes at least "
                         f"need {LEAST_OF_CLASS} rows", "give more rows of it")  # fmt: skip


def _task(column: Typed, said: Said) -> str:
    """Say which task a column is, where nobody did."""
    distinct, kind, name = column.tally.distinct, column.type, column.raw
    if kind == "boolean" or distinct == 2:
        return "binary"
    if kind == "datetime":
        raise StageError(f"TARGET={name} is a moment, and none can be predicted",
                         "name a number, a class, or yes and no")  # fmt: skip
    if kind == "float":
        return "regression"
    if kind == "integer":
        if distinct > FEW_NUMBERS:
            return "regression"
        said.unsure.append(f"task: {name} has {distinct} whole numbers, taken for classes; if they "
                           "are amounts or counts, say TASK=regression")  # fmt: skip
    return "multiclass"


def _regression(column: Typed, said: Said) -> Target:
    if column.type not in ("integer", "float", "boolean"):
        raise StageError(f"TASK=regression: {column.raw} is a {column.type}, and no number"
                         + (f" ({column.said})" if column.said else ""))  # fmt: skip
    kind = "float" if column.type == "float" else "integer"
    said.decided.append(f"task: regression, since {column.raw} is a number with "
                        f"{column.tally.distinct} values")  # fmt: skip
    return Target(column, "regression", {"type": kind})


def _binary(column: Typed, counts: dict[str, int], asked: Asked, said: Said) -> Target:
    name = column.raw
    if column.type == "boolean" and asked.positive.lower() in ("", "1", "true"):
        said.decided.append(f"task: binary, since {name} is yes or no")
        return Target(column, "binary", {"type": "boolean"}, counts)
    if len(counts) != 2:
        raise StageError(f"TASK=binary: {name} has {len(counts)} values, not two",
                         "say TASK=multiclass")  # fmt: skip
    if column.type not in ("category", "string", "boolean") and not column.tally.shapes:
        raise StageError(f"TARGET={name}: its two values are numbers other than 0 and 1",
                         "write them as 0 and 1, or as text")  # fmt: skip
    positive = asked.positive or _positive(name, counts, said)
    if positive not in counts:
        raise StageError(f"POSITIVE={positive} is none of {', '.join(counts)}")
    said.decided.append(f"task: binary, of {name} the probability of {positive!r} is predicted")
    definition = {"type": "category", "categories": _sorted(counts), "positive": positive}
    return Target(column, "binary", definition, counts)


def _positive(name: str, counts: dict[str, int], said: Said) -> str:
    known = [one for one in counts if one.strip().lower() in POSITIVE]
    found = known[0] if len(known) == 1 else list(counts)[-1]
    why = "by its word" if len(known) == 1 else "the rarer one"
    said.unsure.append(f"positive: {found!r} of {name} is what is predicted ({why}); POSITIVE= "
                       "names the other")  # fmt: skip
    return found


def _say_rare(name: str, counts: dict[str, int], rows: int, said: Said) -> None:
    rare = {one: n for one, n in counts.items() if n < RARE_ROWS or n < RARE_SHARE * rows}
    for value, count in list(rare.items())[:3]:
        said.flagged.append(f"{name}: {value!r} is rare ({count} of {rows} rows): figures of "
                            "it are uncertain, and the gate's intervals wide")  # fmt: skip


def _sorted(counts: dict[str, int]) -> list[str]:
    try:
        return sorted(counts, key=float)
    except ValueError:
        return sorted(counts)
