"""Names for columns that every place takes: schema, features, SQL, request, log, plots.

A name stays as the source has it where it is a name in Python and in SQL, and none that the
machinery gives to columns of its own. Any other becomes one that is, and the source's stands in
`data.columns` of params.yaml: one rule at the entrance, instead of an alias in each place.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Container, Iterable

LONGEST = 60
# Of SQL, what a derived column of expectations/suite.yaml cannot name without quotes (Polars 2.1).
SQL_WORDS = """
    all any case cast current_date current_time distinct else end except exclude exists explain
    extract false fetch from group having intersect interval into lateral limit minus not null
    offset order over select struct then top true union user values view when where with
"""
# Columns that frames, the prediction log and reports have besides those of the schema.
RESERVED_WORDS = """
    construct contributions copy decision dict error explain fields json kind logged_at lower
    model_version part prediction predictions probabilities probability reason records request_id
    row schema self status upper validate variant
"""
SQL, RESERVED = frozenset(SQL_WORDS.split()), frozenset(RESERVED_WORDS.split())


def is_usable(name: str) -> bool:
    """Say whether a name can stay as the source has it."""
    return (
        name.isidentifier()
        and not name.startswith("_")
        and len(name) <= LONGEST
        and unicodedata.normalize("NFKC", name) == name
        and not keyword.iskeyword(name)
        and name.lower() not in SQL | RESERVED
    )


def usable(name: str) -> str:
    """Return a name that can stay, made of one that cannot.

    Accents go, as do marks that are no letter; letters of every script are kept.
    """
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    plain = unicodedata.normalize("NFKC", plain)
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    plain = re.sub(r"\W+|_+", "_", plain).strip("_").lower()[:LONGEST].rstrip("_")
    if not plain:
        return "column"
    if not plain.isidentifier():
        plain = f"column_{plain}"[:LONGEST]
    return plain if is_usable(plain) else f"{plain}_column"[:LONGEST]


def of_source(found: Iterable[str]) -> dict[str, str]:
    """Return the name in the schema of each column of the source, each its own."""
    raw = list(found)
    made = {name: name for name in raw if is_usable(name)}
    taken = set(made)
    for name in raw:
        if name in made:
            continue
        made[name] = free(usable(name), taken)
        taken.add(made[name])
    return {name: made[name] for name in raw}


def free(name: str, taken: Container[str]) -> str:
    """Return a name that no other has: this one, or with a number behind it."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name[: LONGEST - 4]}_{number}", number + 1
    return candidate


def in_one_line(text: str) -> str:
    """Return a text with names of a source in it, without signs that begin lines or move others."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def in_markdown(name: str) -> str:
    """Return a name of a source as code in a cell of a table."""
    plain = in_one_line(name).replace("|", r"\|")
    mark = "``" if "`" in plain else "`"
    begin = " " if plain.strip() != plain or mark == "``" else ""
    return f"{mark}{begin}{plain}{begin}{mark}"
