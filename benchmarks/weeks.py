"""Judges weeks of the example's year as monitoring would; run by benchmarks/monitoring.py.

Run with a project's interpreter in its folder, after its pipeline; prints one JSON object.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from lifecycle.contract import features
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.files import md5, read_json
from lifecycle.core import day_blocks
from lifecycle.core.frames import arrays
from lifecycle.core.params import Params, load_params
from lifecycle.monitoring import drift
from lifecycle.monitoring import monitor_checks as checks
from lifecycle.monitoring.look import PREDICTION, Champion, Look, compared
from lifecycle.monitoring.predictions import Log
from lifecycle.monitoring.windows import cut
from lifecycle.pipeline import ingest, reference, source
from lifecycle.records import registry
from project.model import Model

ROOT = Path.cwd()
MONTHS = range(1, 13)
KILOMETRES = 1.609344
# A Polars frame, which only a project's environment knows.
Rows = Any


def source_rows(params: Params, schema: Schema) -> Rows:
    """Return every row of the source, in an order that is the same in every run.

    By all that tells two rows apart: which values are shuffled depends on it.
    """
    folder = ROOT / params.paths.source
    with tempfile.TemporaryDirectory() as scratch:
        found, is_text = source.scan(params.data.source, folder, Path(scratch), schema)
        rows = ingest.conform(found, schema, is_text=is_text)[0].drop("_refused")
        return rows.sort(schema.time, *schema.names("key")).collect()


def predicted(rows: Rows, schema: Schema, model: Model) -> Rows:
    """Return rows as the log has them: the request, the features, the prediction."""
    names = features.names(schema)
    framed = features.on_frame(schema, rows.select(schema.request))
    return framed.select(
        *schema.request,
        *(
            pl.col(n) if framed[n].dtype == pl.String else pl.col(n).cast(pl.Float64)
            for n in names
            if n not in schema.request
        ),
    ).with_columns(
        *(pl.col(name).alias(reference.FEATURE + name) for name in names),
        pl.Series(PREDICTION, model.predict(arrays(framed, names)).astype(np.float64)),
    )


def weeks(month: int) -> list[tuple[date, date]]:
    """Return the first and the last day of the four whole weeks that a month begins with."""
    first = date(2013, month, 1)
    return [(first + timedelta(7 * n), first + timedelta(7 * n + 6)) for n in range(4)]


def between(rows: Rows, time: str, days: tuple[date, date]) -> Rows:
    """Return the rows of some days."""
    return rows.filter(pl.col(time).dt.date().is_between(*days))


def spread_evenly(rows: Rows) -> Rows:
    """Return as many rows as a reference sample has."""
    return rows[np.unique(np.linspace(0, rows.height - 1, reference.SAMPLE_ROWS).astype(int))]


def ratios(whole: Rows, parts: list[Rows], schema: Schema, rule: Any) -> list[dict[str, Any]]:
    """Return, for each part and feature, effect and gap of nulls, beside the widest of blocks."""
    names = compared(schema)
    with tempfile.TemporaryDirectory() as scratch:
        widest = drift.widest(
            whole,
            list(names.values()),
            partial(day_blocks.blocks, whole, schema.clock, rule.window_days),
            Path(scratch, "kept.json"),
        )
    return [
        {
            name: {
                "effect": drift.effect(whole[column], part[column]) or 0.0,
                "missing": abs(drift.missing(part[column]) - drift.missing(whole[column])),
                "widest": widest[column]["effect"],
                "widest_missing": widest[column]["missing"],
            }
            for name, column in names.items()
        }
        for part in parts
    ]


def left_out(rows: Rows, schema: Schema, rule: Any) -> list[list[dict[str, Any]]]:
    """Return the weeks of each month against a reference of the other eleven months."""
    found = []
    for month in MONTHS:
        inside = pl.col(schema.time).dt.month() == month
        parts = [between(rows, schema.time, days) for days in weeks(month)]
        found.append(ratios(spread_evenly(rows.filter(~inside)), parts, schema, rule))
    return found


def shuffled(name: str) -> Callable[[Rows], Rows]:
    """Return a fault: the values of a column among the rows."""
    return lambda rows: rows.with_columns(pl.col(name).shuffle(seed=1))


def nulled(name: str) -> Callable[[Rows], Rows]:
    """Return a fault: a column without a value."""
    return lambda rows: rows.with_columns(pl.lit(None, rows.schema[name]).alias(name))


def swapped(one: str, other: str) -> Callable[[Rows], Rows]:
    """Return a fault: two columns in each other's place."""
    return lambda rows: rows.with_columns(
        pl.col(other).alias(one), pl.col(one).cast(rows.schema[other]).alias(other)
    )


def faults(schema: Schema) -> dict[str, Callable[[Rows], Rows]]:
    """Return every fault by its name."""
    time = schema.time
    return {
        "nothing": lambda rows: rows,
        "temperature in degrees Celsius": lambda rows: rows.with_columns(
            (pl.col("temperature") - 32) / 1.8
        ),
        "distance in kilometres": lambda rows: rows.with_columns(pl.col("distance") * KILOMETRES),
        "wind speed in knots": lambda rows: rows.with_columns(pl.col("wind_speed") / 1.150779),
        **{f"{name} nulled": nulled(name) for name in ("temperature", "visibility", "wind_gust")},
        "LAX renamed to KLAX": lambda rows: rows.with_columns(
            pl.col("destination").replace("LAX", "KLAX")
        ),
        "clock stands still": lambda rows: rows.with_columns(pl.col(time).max()),
        "temperature and dewpoint swapped": swapped("temperature", "dewpoint"),
        "wind speed and gust swapped": swapped("wind_speed", "wind_gust"),
        **{f"{name} shuffled": shuffled(name) for name in schema.names("feature")},
    }


def look(rows: Rows, who: Champion, params: Params, schema: Schema) -> list[str]:
    """Return the alerts of one window, as monitoring would have it after a service logged it."""
    logged = rows.with_columns(
        logged_at=pl.lit(datetime.now(UTC)), request_id=pl.int_range(pl.len()).cast(pl.String),
        row=pl.lit(0), model_version=pl.lit(str(who.version.number)), variant=pl.lit("live"),
    )  # fmt: skip
    windows, _ = cut(logged, schema.time, params.monitor)
    found: list[dict[str, Any]] = [
        {"drift": {}, "prediction_drift": None, "quality": None} for _ in windows
    ]
    log = Log(logged, pl.DataFrame(), 0, 0, 1)
    one = Look(ROOT, params, schema, "development", log, logged, windows, who, found=found)
    checks.judge_latest(one, who)
    checks.judge_drift(one, who)
    return [f"{alert.kind}: {alert.subject}" for alert in one.alerts]


def champion(params: Params) -> Champion:
    """Return the pipeline's model as if it were a version that serves."""
    tags = {tag: md5(ROOT / path) for tag, path in registry.DEFINITION.items()}
    tags["model_md5"] = md5(ROOT / params.paths.model)
    return Champion(
        registry.Version(1, tags, ""), None,
        pl.read_parquet(ROOT / params.paths.reference_sample),
        read_json(ROOT / params.paths.evaluation_report),
    )  # fmt: skip


def main() -> None:
    """Print what every week and every fault gave."""
    params, schema = load_params(), load_schema()
    model, who = Model.load(ROOT / params.paths.model), champion(params)
    rows = predicted(source_rows(params, schema), schema, model)
    chosen = [days for month in (1, 2, 3, 4, 5) for days in weeks(month)[1::2]]
    caught: dict[str, list[list[str]]] = {}
    for name, fault in faults(schema).items():
        caught[name] = [
            look(predicted(fault(between(rows, schema.time, days).select(schema.request)),
                           schema, model), who, params, schema)
            for days in chosen
        ]  # fmt: skip
        print(name, caught[name][0], file=sys.stderr, flush=True)
    found = {
        "rule": params.monitor.model_dump(),
        "faults": caught,
        "left_out": left_out(rows, schema, params.monitor),
        "later": {
            first.isoformat(): look(
                between(rows, schema.time, (first - timedelta(21), last)), who, params, schema
            )
            for month in MONTHS
            for first, last in weeks(month)
        },
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
