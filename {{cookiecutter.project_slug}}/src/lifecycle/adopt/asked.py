"""What the owner says of the source: what is to be predicted, and what he knows of the columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lifecycle.contract.errors import StageError
from lifecycle.core.command import nearest

TASKS = ("binary", "multiclass", "regression")
# As a column: that there is none, though one would be found.
NONE = "none"


@dataclass(frozen=True)
class Asked:
    """What was typed; empty where nothing was."""

    source: str
    target: str
    time: str = ""
    key: tuple[str, ...] = ()
    group: str = ""
    task: str = ""
    positive: str = ""
    sensitive: tuple[str, ...] = ()
    query: str = ""

    def resolved(self, names: Mapping[str, str]) -> Asked:
        """Return it with columns as the source has them, though typed as the schema has them.

        Raises:
            StageError: the source has no such column.
        """

        def found(option: str, typed: str) -> str:
            if not typed or (typed == NONE and typed not in names):
                return typed
            return _column(option, typed, names)

        if self.task and self.task not in TASKS:
            raise StageError(f"TASK={self.task} is none of {', '.join(TASKS)}")
        return Asked(
            self.source,
            found("TARGET", self.target),
            found("TIME", self.time),
            tuple(found("KEY", one) for one in self.key),
            found("GROUP", self.group),
            self.task,
            self.positive,
            tuple(found("SENSITIVE", one) for one in self.sensitive),
            self.query,
        )


@dataclass
class Said:
    """What adopt has to say: what it decided and why, what it was unsure of, what to look at."""

    decided: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    flagged: list[str] = field(default_factory=list)


def _column(option: str, typed: str, names: Mapping[str, str]) -> str:
    if typed in names:
        return typed
    for raw, name in names.items():
        if name == typed:
            return raw
    some = ", ".join(list(names)[:8]) + (", ..." if len(names) > 8 else "")
    raise StageError(f"{option}={typed}: the source has no such column{nearest(typed, names)}",
                     f"it has {some}")  # fmt: skip


def listed(names: Iterable[str], most: int = 6) -> str:
    """Return some names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
