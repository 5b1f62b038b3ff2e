"""From rows to a plan: each question in turn, and what was decided about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import polars as pl

from lifecycle.adopt import (
    columns,
    estimates,
    floors,
    keys,
    leaks,
    names,
    plan,
    profile,
    ranges,
    roles,
    spans,
)
from lifecycle.adopt import target as targets
from lifecycle.adopt.asked import NONE, Asked, Said, listed
from lifecycle.adopt.columns import Typed
from lifecycle.adopt.opening import Opened
from lifecycle.adopt.plan import Plan
from lifecycle.adopt.profile import Profile
from lifecycle.adopt.roles import Roles
from lifecycle.adopt.spans import Span
from lifecycle.adopt.splits import HELD_OUT
from lifecycle.adopt.target import Target
from lifecycle.contract.errors import StageError
from project.hyperparameters import Train

# Fewer are no data: a holdout of them has a row of each class at best.
LEAST_ROWS, MOST_COLUMNS = 40, 2_000
LATER = "which is not known when the prediction is made"


def settle(opened: Opened, asked: Asked, said: Said, train: Train) -> Plan:
    """Return what is to be written of a source; `train` has the hyper-parameters of now.

    Raises:
        StageError: nothing can be made of it; why, and what to do.
    """
    found = _profiled(opened)
    called = names.of_source(found.columns)
    asked = asked.resolved(called)
    typed = columns.typed(found, called)
    _say_columns(found, typed, called, said)
    if asked.target not in typed:
        why = next(why for why, raw in columns.left_out(found).items() if asked.target in raw)
        raise StageError(f"TARGET={asked.target} cannot be predicted: {why}")
    target = targets.of_column(typed[asked.target], asked, said)
    # Classes are texts, also where they look like numbers: 1.0 is the class "1.0".
    kind = target.definition["type"]
    typed[asked.target] = replace(typed[asked.target], type=kind)
    values = columns.values_of(typed, found)
    row = names.free(roles.ROW, called.values())
    decided = Roles(row, time=roles.time(typed, asked, said))
    others = [raw for raw in typed if raw not in (asked.target, decided.time)]
    suspects = _suspects(typed, others)
    probable, _ = leaks.find(values, suspects, asked.target, target.task,
                             target.definition.get("positive"))  # fmt: skip
    spared = {one.raw for one in probable} | {asked.target}
    orders = _named(opened, typed, values, decided, asked, spared, said)
    roles.assign(typed, decided, asked, probable, said)
    return _planned(opened, typed, values, decided, target, found.rows, orders, said, train)


def _profiled(opened: Opened) -> Profile:
    given = opened.rows.collect_schema()
    if len(given) > MOST_COLUMNS:
        raise StageError(f"the source has {len(given)} columns, and a request at most "
                         f"{MOST_COLUMNS}", "leave out those that are not needed")  # fmt: skip
    try:
        found = profile.of_source(opened.rows, is_text=opened.is_text)
    except pl.exceptions.PolarsError as error:
        raise StageError(f"the source cannot be read: {str(error).splitlines()[0]}") from None
    if not found.rows:
        raise StageError("the source has a header and no rows")
    if found.rows < LEAST_ROWS:
        raise StageError(f"the source has {found.rows} rows, and fewer than {LEAST_ROWS} are too "
                         "few to hold any out")  # fmt: skip
    return found


def _say_columns(
    found: Profile, typed: dict[str, Typed], called: dict[str, str], said: Said
) -> None:
    counted = Counter(column.type for column in typed.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in counted.most_common())
    said.decided.append(f"{found.rows} rows, {len(found.columns)} columns: {kinds}")
    changed = [f"{raw!r} is {name}" for raw, name in called.items() if raw != name]
    if changed:
        said.decided.append(f"names (data.source.columns): {listed(changed)}")
    for why, left in columns.left_out(found).items():
        said.flagged.append(f"{listed(left)}: left out: {why}")
    if zoned := [column.raw for column in typed.values() if column.is_zoned]:
        said.unsure.append(f"zone: {listed(zoned)} is converted to UTC; whose local time is meant? "
                           "(zone in schema.yaml)")  # fmt: skip


def _suspects(typed: dict[str, Typed], others: list[str]) -> list[str]:
    """Return the columns that could tell the target: not those that name rows.

    A measure that is another in each row names none: a noisy copy of the target is such a one.
    """
    return [raw for raw in others if typed[raw].tally.known and typed[raw].tally.distinct > 1
            and not typed[raw].is_beyond
            and (typed[raw].type == "float" or not typed[raw].tally.is_unique)]  # fmt: skip


def _named(
    opened: Opened, typed: dict[str, Typed], values: pl.DataFrame, decided: Roles, asked: Asked,
    spared: set[str], said: Said,
) -> list[tuple[str, str]]:  # fmt: skip
    """Decide what names a row, and return the orders between columns that hold in all rows."""
    own = [c for raw, c in typed.items() if raw not in spared and not c.is_beyond]
    if asked.target in asked.key:
        raise StageError(f"KEY={','.join(asked.key)}: {asked.target} is the target, {LATER}")
    if beyond := [typed[raw] for raw in asked.key if raw in typed and typed[raw].is_beyond]:
        raise StageError(f"KEY={','.join(asked.key)}: {beyond[0].raw} has {beyond[0].said}")
    tried = ranges.orders(values, own)
    candidates: list[tuple[str, ...]] = []
    single = None if asked.key else keys.alone(own)
    if asked.key:
        candidates = [asked.key] if asked.key != (NONE,) else []
    elif single is None and decided.time:
        # What a row is of comes before what was counted of it.
        by_kind = sorted(own, key=lambda one: one.type == "integer")
        parts = [c.raw for c in by_kind if c.raw != decided.time and not c.tally.nulls
                 and c.type in ("integer", "category", "string")]  # fmt: skip
        if typed[decided.time].tally.is_unique:
            single = decided.time
        else:
            first = opened.rows.head(keys.FIRST_ROWS).collect()
            candidates = keys.candidates(first, decided.time, parts)
    held = keys.hold(opened.rows, typed, candidates, tried, is_text=opened.is_text)
    if asked.key and candidates and not held.keys:
        raise StageError(f"KEY={','.join(asked.key)} is the same, or empty, in more than one row",
                         "name more columns, or none: then rows are numbered")  # fmt: skip
    decided.key = held.keys[0] if held.keys else (single,) if single else ()
    if held.keys and not asked.key:
        said.unsure.append(f"key: {', '.join(decided.key)} are together another in each row; KEY= "
                           "names what identifies one")  # fmt: skip
    elif decided.key and not asked.key:
        said.decided.append(f"key: {decided.key[0]}, another in each row")
    elif not decided.key:
        said.unsure.append(
            f"key: nothing identifies a row, so rows are numbered ({decided.row}); an "
            "outcome that comes later finds its prediction by that number"
        )
    if decided.time is None:
        taken = {*decided.key, *spared}
        decided.group = roles.group(typed, asked, taken, said)
    elif asked.group:
        decided.group = roles.group(typed, asked, set(), said)
    return held.orders


def _planned(
    opened: Opened, typed: dict[str, Typed], values: pl.DataFrame, decided: Roles,
    target: Target, rows: int, orders: list[tuple[str, str]], said: Said, train: Train,
) -> Plan:  # fmt: skip
    span = spans.of_times(values[decided.time], rows) if decided.time else None
    if span is not None:
        _say_span(span, rows, said)
    raw = target.column.raw
    labelled = target.column.tally.known
    held = int(labelled * HELD_OUT)
    own = estimates.settings(train, labelled, len(decided.features))
    measured = floors.measure(
        values, decided.features, raw, target.task, own,
        positive=target.definition.get("positive"), time=decided.time, group=decided.group,
        slices=plan.slice_candidates(typed, decided, held), least=plan.least_slice(held),
    )  # fmt: skip
    if not measured.is_known:
        by = f"by {decided.time or decided.group}" if decided.time or decided.group else "by chance"
        raise StageError(
            f"no part of the rows can be held out {by} in which {raw} has two values, as in the "
            "rest", "give more rows, or another TIME or GROUP",
        )  # fmt: skip
    plan.say(measured, said)
    schema = plan.schema_of(typed, decided, target, values)
    source = dict(opened.settings)
    renamed = {one: column.name for one, column in typed.items() if one != column.name}
    if renamed:
        source["columns"] = renamed
    if not decided.key:
        source["number_rows"] = decided.row
    shown = [(a, b) for a, b in orders if not {a, b} & set(decided.private)]
    made = Plan(
        schema, plan.suite_of(typed, shown),
        plan.params_of(source, labelled, own, typed, target, span, measured),
        plan.example(schema, typed, values),
    )  # fmt: skip
    made.renamed = renamed
    made.facts = [
        ("rows", f"{rows:,}"), ("columns", str(len(schema))),
        ("task", f"{target.task}: `{target.column.name}`"),
        ("time", f"`{typed[decided.time].name}`, windows by {span.unit}" if decided.time and span
         else "none"),
        ("key", ", ".join(f"`{typed[one].name}`" for one in decided.key) or f"`{decided.row}`"),
        (f"{measured.metric}", f"models had {min(measured.values):.3f} to "
         f"{max(measured.values):.3f}, linear ones {min(measured.linear):.3f} to "
         f"{max(measured.linear):.3f}, a constant {measured.constant:.3f}"),
    ]  # fmt: skip
    return made


def _say_span(span: Span, rows: int, said: Said) -> None:
    said.decided.append(f"windows by {span.unit}, from {span.window['start']} to "
                        f"{span.window['end']}; the newest {span.holdout_days} days are held out; "
                        f"{span.rows_a_day:.3g} rows a day, so the monitor's windows have "
                        f"{span.window_days} days")  # fmt: skip
    if span.change > 1:
        said.flagged.append("the rows of a window are more than twice those of the one before at "
                            "times: see validate.maximum_row_count_change")  # fmt: skip
