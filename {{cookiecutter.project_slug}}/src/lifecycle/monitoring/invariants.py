"""Invariants of served data: what schema.yaml and expectations/ say, checked on one window.

Great Expectations is the only validator, here as in validate. Expectations whose columns a request
does not have are left out, found by running them. What it cannot see stands here as well: a clock
that stands still, and requests that the service refused.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from typing import Any

import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.day_blocks import blocks
from lifecycle.core.reading import TYPES
from lifecycle.monitoring.alerts import Alert
from lifecycle.monitoring.settings import InvariantRule
from lifecycle.pipeline.suite import Beyond, Expectation, of_column
from lifecycle.pipeline.validate import with_derived

EXAMPLES = 3
# Somebody who tries the service out makes so many mistakes.
FEW_REFUSED = 10


def relaxed(mostly: float, factor: float) -> float:
    """Return the share that must hold when the odds of what may not hold are multiplied.

    A share that holds over months is larger in one of their weeks: weather stations fail by days.
    """
    odds = factor * (1 - mostly) / mostly if mostly else 0.0
    return 1 / (1 + odds) if mostly else 0.0


def observable(schema: Schema, beyond: Beyond) -> tuple[list[str], Beyond]:
    """Return the request's columns that the log has as they are, and what is derived of them."""
    open_columns = [name for name in schema.request if schema[name].private is None]
    frame = pl.DataFrame(schema={name: TYPES[schema[name].type] for name in open_columns})
    derived = {}
    for name, expression in beyond.derived.items():
        try:
            frame = with_derived(frame, Beyond(derived={name: expression}))
        except StageError:
            continue  # of columns that are known only after the event, or private
        derived[name] = expression
    there = {*open_columns, *derived}
    kept = [one for one in beyond.expectations if _columns(one) <= there]
    return open_columns, Beyond(derived=derived, expectations=tuple(kept))


def _columns(expectation: Expectation) -> set[str]:
    kwargs = expectation.kwargs
    single = {kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs}
    return single | set(kwargs.get("column_list", ()))


def expectations(
    schema: Schema, columns: list[str], beyond: Beyond, rule: InvariantRule
) -> list[Expectation]:
    """Return what is expected of one window."""
    said = [one for name in columns for one in of_column(schema[name]) if "of_type" not in one.type]
    found = []
    for one in (*said, *beyond.expectations):
        mostly = one.kwargs.get("mostly", 1.0)
        kwargs = {**one.kwargs, "mostly": round(relaxed(mostly, rule.odds_factor), 6)}
        found.append(one.model_copy(update={"kwargs": kwargs}))
    return found


@functools.cache
def _definition() -> Any:
    """Return Great Expectations' place for a frame; made once a process."""
    import great_expectations as gx  # four seconds

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("served").add_dataframe_asset("window")
    return asset.add_batch_definition_whole_dataframe("whole")


def check(
    rows: pl.DataFrame, schema: Schema, beyond: Beyond, rule: InvariantRule
) -> list[dict[str, Any]]:
    """Return every expectation that does not hold: column, rule, share of the rows, examples."""
    columns, known = observable(schema, beyond)
    wanted = expectations(schema, columns, known, rule)
    frame = with_derived(rows.select(columns), known)
    definition = _definition()
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="served", expectations=[one.model_dump() for one in wanted])
    outcome = definition.get_batch({"dataframe": frame.to_pandas()}).validate(suite)
    notes = {(one.type, one.kwargs.get("column")): one.notes for one in wanted}
    failed = [one for one in outcome.results if not one.success]
    return [_broken(one, known, notes, rows.height) for one in failed]


def _broken(one: Any, known: Beyond, notes: dict[Any, str], rows: int) -> dict[str, Any]:
    config, found = one.expectation_config, one.result or {}
    column = str(config.kwargs.get("column", "(table)"))
    return {
        "column": column,
        "rule": config.type.removeprefix("expect_"),
        "share": found.get("unexpected_count", rows) / max(rows, 1),
        # Great Expectations leaves out what is its default: all rows.
        "allowed": 1 - config.kwargs.get("mostly", 1.0),
        "examples": [str(v)[:40] for v in (found.get("partial_unexpected_list") or [])[:EXAMPLES]],
        "of": sorted(set(re.findall(r"\w+", known.derived.get(column, "")))),
        "notes": notes.get((config.type, column), ""),
    }


def alerts(broken: list[dict[str, Any]], schema: Schema, window: str) -> list[Alert]:
    """Return an alert for each column that breaks an expectation."""
    found = []
    for one in broken:
        of = [name for name in one["of"] if name in schema.request]
        subject = f"{one['column']} ({', '.join(of)})" if of else one["column"]
        said = (
            f"{subject} is null in"
            if "not_be_null" in one["rule"]
            else f"{subject} breaks {one['rule']} in"
        )
        said += f" {one['share']:.1%} of the rows, {one['allowed']:.1%} may be so"
        if one["examples"] and "not_be_null" not in one["rule"]:
            said += f"; for example {', '.join(one['examples'])}"
        message = f"{said}. {one['notes']}".strip()
        found.append(Alert("invariant", one["column"], message, (window,)))
    return found


def stuck_clock(
    reference: pl.DataFrame, recent: pl.DataFrame, time: str, days: int, rule: InvariantRule
) -> list[Alert]:
    """Return an alert where one and the same time has too large a share of the recent rows.

    Few days have fewer times to share, so they are compared with as few days of the reference.
    """
    days = min(days, max(1, recent[time].dt.date().n_unique()))

    def share(rows: pl.DataFrame) -> float:
        most: Any = rows[time].value_counts()["count"].max()
        return float(most or 0) / max(rows.height, 1)

    usual = max(map(share, [*blocks(reference, time, days), reference]))
    measured, limit = share(recent), min(1.0, rule.clock_factor * usual)
    if measured <= limit:
        return []
    said = f"{time} is {recent[time].mode()[0]} in {measured:.1%} of the rows (limit {limit:.1%})"
    return [Alert("invariant", time, f"{said}: a clock stands still")]


def refusals(
    answered: int, refused: pl.DataFrame, rule: InvariantRule
) -> tuple[dict[str, Any], list[Alert]]:
    """Return the share of requests refused for what they hold, with their fields, and alerts.

    The lower end of Wilson's interval (1927) is compared with the limit: a few refusals among a
    few requests are no sign.
    """
    count, total = refused.height, answered + refused.height
    fields = Counter(
        name
        for row in refused["fields"].to_list()
        for name in {re.sub(r"^records\.\d+\.", "", field) for field in row or []}
    )
    limit = rule.maximum_refused
    found = {"requests": total, "refused": count, "fields": dict(fields.most_common())}
    if count < FEW_REFUSED or _lower(count, total) <= limit:
        return found, []
    named = [(name, n) for name, n in fields.most_common() if _lower(n, total) > limit]
    alerts = []
    for name, n in named or [("requests", count)]:
        said = f"{n} of {total} requests ({n / total:.1%}) were refused because of {name}"
        alerts.append(Alert("refusals", name, f"{said}; {limit:.1%} may be"))
    return found, alerts


def _lower(count: int, total: int, z: float = 1.96) -> float:
    """Return the lower end of Wilson's 95 % interval of a share."""
    if not total:
        return 0.0
    p, square = count / total, z * z / total
    root = (p * (1 - p) / total + square / (4 * total)) ** 0.5
    return float((p + square / 2 - z * root) / (1 + square))
