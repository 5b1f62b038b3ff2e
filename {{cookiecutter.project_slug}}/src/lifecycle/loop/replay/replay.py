"""Replay plays real months (data.unit) through the service: predict, label late, watch, retrain.

It plays in a clone of the project (build/replay). The first model is trained on the months before,
and kept beside as the frozen control: what would have become of the service had nobody done
anything. In each month the first half is sent, then the labels of the month before arrive, then
monitoring judges; where it fires, the model is retrained on everything that is labelled by then
and, where the gate lets it, rolled out while the second half is being sent. At a month's end a
month of the live model's own training period is sent as well: monitoring must not fire there.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from time import monotonic

import polars as pl

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.core.command import project_root
from lifecycle.core.moments import named
from lifecycle.core.params import Params, load_params
from lifecycle.core.terminal import working
from lifecycle.core.timing import window_of
from lifecycle.core.window import FORMS, TYPED, Unit, is_period, spanned
from lifecycle.loop.replay import first_model
from lifecycle.loop.replay import page as replay_page
from lifecycle.loop.replay import report as replay_report
from lifecycle.loop.replay.clone import FOREIGN, Clone
from lifecycle.loop.replay.months import ENVIRONMENT, MIDDLE, Months, Played
from lifecycle.loop.settings import Retrain
from lifecycle.pipeline import ingest
from lifecycle.rollout.deploy import interruptible
from lifecycle.tasks import chosen as tasks


def months_of(text: str, unit: Unit = "month") -> list[str]:
    """Return the months of MONTHS, YYYY-MM or YYYY-MM..YYYY-MM, or the weeks or quarters.

    Raises:
        StageError: it is neither, or the unit is one that cannot be halved.
    """
    if unit not in MIDDLE:
        raise StageError(
            f"data.unit is {unit}, and a replay looks in the middle of each",
            f"give {', '.join(MIDDLE)}",
        )
    found = re.fullmatch(rf"({FORMS[unit]})(?:\.\.({FORMS[unit]}))?", text)
    first, last = (found[1], found[2] or found[1]) if found else (text, text)
    if not (is_period(first, unit) and is_period(last, unit)):
        example = "2013-02 or MONTHS=2013-02..2013-12" if unit == "month" else TYPED[unit]
        raise StageError(f"{text!r} are no {unit}s", f"give MONTHS={example}")
    if first > last:
        raise StageError(f"{first} lies after {last}", f"give MONTHS={last}..{first}")
    return spanned(first, last)


def rate_of(text: str) -> float | None:
    """Return the requests a second of SPEED, None for full.

    Raises:
        StageError: it is neither a whole number above zero nor `full`.
    """
    if text == "full":
        return None
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise StageError(
            f"{text!r} is no speed", "give SPEED=full, or requests a second as SPEED=100"
        )
    return float(text)


def read_months(root: Path, params: Params, schema: Schema) -> Months:
    """Return the source's rows by month (data.unit), labelled or not, in the order of time."""
    with ingest.opened(root / params.paths.source, params, schema) as (lazy, readings, _):
        rows = ingest.refuse(lazy.collect(), readings, schema).sort(ingest.in_order(schema))
    time = pl.col(schema.clock)
    month = named(time, params.data.unit).alias("_month")
    dated = rows.filter(time.is_not_null()).with_columns(month)
    parts = dated.partition_by("_month", as_dict=True, maintain_order=True)
    return {str(name): part.drop("_month") for (name,), part in parts.items()}


def require(names: list[str], rows: Months, schema: Schema) -> None:
    """Let every month have rows, and outcomes that differ, to judge by.

    Raises:
        StageError: one has not; what the source has.
    """
    for name in names:
        if name not in rows:
            raise StageError(f"the source has no rows in {name}: it has {min(rows)} to {max(rows)}")
        if rows[name][schema.target].drop_nulls().n_unique() < 2:
            needs = tasks.of(schema).needs
            raise StageError(f"{name} has no labels {needs}: nothing could be judged by them")


def replay(root: Path, params: Params, names: list[str], rate: float | None) -> Played:
    """Play the months and return what happened; see the module for how."""
    schema, clone = load_schema(root / "schema.yaml"), Clone(root)
    rows = read_months(root, params, schema)
    require(names, rows, schema)
    window = first_model.window_before(sorted(rows), names[0], params.part(Retrain).window_months)
    with clone.alone():
        inside = clone.build(params, window)
        played = Played(clone, inside, schema, rows, rate)
        played.begin(window)
        with working("replay", len(names)) as done:
            for number, name in enumerate(names, 1):
                played.play(name)
                done(number)
    return played


def main(given: argparse.Namespace) -> None:
    """Play MONTHS and write reports/replay.json and reports/replay.html."""
    interruptible()
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ["LIFECYCLE_ENVIRONMENT"] = ENVIRONMENT
    root, params, began = project_root(), load_params(), monotonic()
    if window_of(params, load_schema()) is None:
        raise StageError("a replay plays time, and no column of schema.yaml has the role time")
    names, rate = months_of(given.months, params.data.unit), rate_of(given.speed)
    played = replay(root, params, names, rate)
    found = replay_report.report(played, monotonic() - began)
    replay_page.write(root, params, found)
    print(replay_report.text(found))
    page = params.paths.replay_report.with_suffix(".html")
    print(f"replay: {found['conclusion']} (see {page})")
