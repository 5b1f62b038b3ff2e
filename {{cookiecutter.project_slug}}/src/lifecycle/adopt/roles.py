"""The role of each column: what names a row, what is known when, what the model is given."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lifecycle.adopt import keys, personal
from lifecycle.adopt.asked import NONE, Asked, Said, listed
from lifecycle.adopt.columns import Typed
from lifecycle.adopt.leaks import Leak
from lifecycle.contract.errors import StageError

FEATURES = ("integer", "float", "boolean", "category")
NEAR_CONSTANT = 0.995
# Of an identifier each value comes a few times; of an amount as well, which is why names count.
NEAR_UNIQUE = 0.5
MOST_GROUPS_OF_A_COLUMN = 50
LEAST_GROUPS = 10
TIME = re.compile(r"(?i)date|time|day|month|week|year|when|created|stamp|moment|datum|zeit")
# What the law of many places protects: looked at by its name, and only said.
SENSITIVE = re.compile(r"(?i)(?:^|_)(?:sex|gender|race|ethnic\w*|religion|nationality|age|disab\w*"
                       r"|marital\w*|foreign\w*|pregnan\w*|veteran)(?:$|_)")  # fmt: skip


# How the number of a row is called, where no column is.
ROW = "row_number"


@dataclass
class Roles:
    """What was decided."""

    row: str = ROW
    time: str | None = None
    key: tuple[str, ...] = ()
    group: str | None = None
    leaks: tuple[str, ...] = ()
    private: dict[str, str] = field(default_factory=dict)
    of: dict[str, list[str]] = field(default_factory=dict)

    @property
    def features(self) -> list[str]:
        """The columns that the model is given."""
        return [raw for raw, roles in self.of.items() if "feature" in roles]


def time(columns: dict[str, Typed], asked: Asked, said: Said) -> str | None:
    """Return the column that splits and windows go by.

    Raises:
        StageError: what was typed is no moment in each row.
    """
    if asked.time == NONE:
        said.decided.append("no time: TIME=none")
        return None
    if asked.time:
        column = columns.get(asked.time)
        if column is not None and column.is_beyond:
            raise StageError(f"TIME={asked.time}: {column.said}")
        if column is None or column.type != "datetime":
            why = f": {column.said}" if column and column.said else ""
            raise StageError(
                f"TIME={asked.time} has no moments as YYYY-MM-DD or YYYY-MM-DDThh:mm:ss{why}",
                "write them so, or say TIME=none",
            )
        if column.tally.nulls:
            raise StageError(f"TIME={asked.time} is empty in {column.tally.nulls} rows",
                             "leave those rows out, or say TIME=none")  # fmt: skip
        return asked.time
    found = [c for c in columns.values() if c.type == "datetime" and c.raw != asked.target
             and not c.is_beyond and not c.tally.nulls and c.tally.distinct > 1
             and personal.by_name(c.raw) != "birth date"]  # fmt: skip
    if not found:
        said.decided.append("no time: no column has a moment in each row")
        return None
    found.sort(key=lambda one: not TIME.search(one.raw))
    said.unsure.append(
        f"time: {found[0].raw}, by which rows are split and windows are cut: is it "
        "when the prediction is made? TIME= names another, TIME=none none"
    )
    return found[0].raw


def group(columns: dict[str, Typed], asked: Asked, taken: set[str], said: Said) -> str | None:
    """Return the column whose rows of one value are alike, where that is said or plain."""
    if asked.group == NONE:
        return None
    if asked.group:
        if asked.group not in columns:
            raise StageError(f"GROUP={asked.group} has no values that a schema can have")
        _require_group(columns[asked.group], asked)
        return asked.group
    found = [c.raw for c in columns.values() if c.raw not in taken
             and c.type in ("integer", "string", "category") and keys.is_named_id(c.raw)
             and not c.tally.is_unique and not c.tally.nulls and not c.is_beyond
             and LEAST_GROUPS <= c.tally.distinct <= c.tally.rows / 2]  # fmt: skip
    if not found:
        return None
    said.unsure.append(f"group: {found[0]}, whose rows stay together in train or holdout; GROUP= "
                       "names another, GROUP=none none")  # fmt: skip
    return found[0]


def _require_group(column: Typed, asked: Asked) -> None:
    kind, distinct = column.type, column.tally.distinct
    if column.raw == asked.target:
        raise StageError(f"GROUP={column.raw} is the target, which is not known when the "
                         "prediction is made")  # fmt: skip
    if column.is_beyond:
        raise StageError(f"GROUP={column.raw}: {column.said}")
    if kind not in ("integer", "category", "string"):
        raise StageError(f"GROUP={column.raw} is a {kind}, and a group is text or a whole number")
    if distinct < LEAST_GROUPS:
        raise StageError(f"GROUP={column.raw} has {distinct} values, and fewer than {LEAST_GROUPS} "
                         "cannot be held out whole", "name another, or GROUP=none")  # fmt: skip


def assign(
    columns: dict[str, Typed],
    roles: Roles,
    asked: Asked,
    found: list[Leak],
    said: Said,
) -> Roles:
    """Give each column its roles.

    Raises:
        StageError: no column is left for the model.
    """
    why = {leak.raw: leak.why for leak in found}
    roles.leaks = tuple(why)
    for raw, column in columns.items():
        own = [role for role, there in (("key", raw in roles.key), ("time", raw == roles.time),
                                        ("group", raw == roles.group)) if there]  # fmt: skip
        if raw == asked.target:
            own = ["target"]
        elif raw in why:
            said.flagged.append(f"{raw}: probably a leak: {why[raw]}. It is kept from the model; "
                                "if it is known before, give it the role feature")  # fmt: skip
            own = ["leak"]
        elif not own:
            own = [_other(column, said)]
        elif own == ["key"] and len(roles.key) > 1 and column.type == "category":
            # Part of what names a row, and a kind of it as well.
            own = ["key", "feature"]
        what = _private(column)
        if what:
            _keep_private(column, what, own, roles, said)
        if raw in asked.sensitive:
            own = _sensitive(column, own)
        roles.of[raw] = own
    if not roles.features:
        odd = f": {listed(said.flagged, 3)}" if said.flagged else ""
        raise StageError(f"no column is left that the model could be given{odd}")
    probably = [_with_groups(columns[raw]) for raw in roles.features
                if SENSITIVE.search(raw) and raw not in asked.sensitive]  # fmt: skip
    if probably:
        said.unsure.append(f"sensitive: none but what SENSITIVE= names; {listed(probably)} may be, "
                           "so that the difference between their groups is measured")  # fmt: skip
    return roles


def _other(column: Typed, said: Said) -> str:
    """Return the role of a column that is nothing else, and say what is odd about it."""
    raw, tally = column.raw, column.tally
    if column.said:
        said.flagged.append(f"{raw}: {column.said}")
    if not tally.known:
        return "ignored"
    if tally.distinct == 1 and not tally.nulls:
        said.flagged.append(f"{raw}: constant, so it says nothing: ignored")
        return "ignored"
    if column.type not in FEATURES:
        if column.type == "datetime":
            said.flagged.append(f"{raw}: a second moment; derive from it what the model may know "
                                "(src/project/features.py)")  # fmt: skip
        elif not column.said:
            said.flagged.append(f"{raw}: text with {tally.distinct} values in {tally.known} rows: "
                                "too many to be categories, ignored")  # fmt: skip
        return "ignored"
    if column.is_beyond:
        return "ignored"
    if _is_identifier(column):
        said.flagged.append(f"{raw}: probably an identifier ({tally.distinct} values in "
                            f"{tally.known} rows): ignored")  # fmt: skip
        return "ignored"
    top = max((tally.values or {"": 0}).values())
    if top >= NEAR_CONSTANT * tally.known and tally.known > 100:
        said.flagged.append(f"{raw}: nearly constant ({top / tally.known:.2%} of the rows have one "
                            "value)")  # fmt: skip
    return "feature"


def _is_identifier(column: Typed) -> bool:
    tally, name = column.tally, re.sub(r"\W+", "_", column.raw)
    if column.type not in ("integer", "category"):
        return False
    if keys.is_named_id(name):
        return True
    many = tally.distinct > NEAR_UNIQUE * tally.known
    if column.type == "integer" and many and keys.NUMBERED.search(name):
        return True
    span = (tally.maximum or 0) - (tally.minimum or 0) + 1
    return column.type == "integer" and tally.is_unique and span < 1.2 * tally.rows


def _private(column: Typed) -> str | None:
    tally = column.tally
    return personal.of_column(
        column.raw, tally.personal, tally.looked_at,
        kind=column.type, distinct=tally.distinct, rows=tally.known,
    )  # fmt: skip


def _keep_private(column: Typed, what: str, own: list[str], roles: Roles, said: Said) -> None:
    """Propose a column as private: hashed where rows are found by it, otherwise left out."""
    if "time" in own or "target" in own:
        said.flagged.append(f"{column.raw}: probably personal data ({what})")
        return
    how = "hashed" if {"key", "group"} & set(own) else "left_out"
    roles.private[column.raw] = how
    if own == ["feature"]:
        own[:] = ["ignored"]
    said.flagged.append(f"{column.raw}: probably personal data ({what}): private, {how}")


def _with_groups(column: Typed) -> str:
    """Return a column's name, and that it has no groups yet where it has too many values."""
    many = column.tally.distinct > MOST_GROUPS_OF_A_COLUMN
    return f"{column.raw} (as a column with groups of it)" if many else column.raw


def _sensitive(column: Typed, own: list[str]) -> list[str]:
    if column.tally.distinct > MOST_GROUPS_OF_A_COLUMN:
        raise StageError(f"SENSITIVE={column.raw} has {column.tally.distinct} values, and groups "
                         f"are at most {MOST_GROUPS_OF_A_COLUMN}",
                         "add a column with the groups to the source")  # fmt: skip
    if "target" in own or "leak" in own:
        raise StageError(f"SENSITIVE={column.raw} is not known when the prediction is made")
    return [*own, "sensitive"]
