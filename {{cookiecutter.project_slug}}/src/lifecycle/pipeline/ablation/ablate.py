"""Ablate says what each feature earns: the model is fitted again without it, in several folds.

It reads the training part alone; the holdout is never read. Each feature, and each group that
params.yaml names, is left out once in each fold; its verdict is *earns*, *unproven* or *harms*, by
the metric that the gate compares champions in. What is left out is what the model reads: a feature
that is derived of a column stays where the column goes. The same inputs give the same report, but
for what it took. (ML Test Score, Data 2 and 3.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json
from lifecycle.core.command import nearest, project_root
from lifecycle.core.frames import arrays
from lifecycle.core.params import Params, load_params
from lifecycle.core.terminal import table, working
from lifecycle.pipeline.ablation import costs, intervals
from lifecycle.pipeline.ablation.alike import alike
from lifecycle.pipeline.ablation.folds import folds, thinned
from lifecycle.pipeline.ablation.refits import Fold, measured
from lifecycle.pipeline.ablation.settings import Ablate
from lifecycle.records import ablation, tracking

Candidates = dict[str, list[str]]


def candidates(schema: Schema, settings: Ablate) -> Candidates:
    """Return what is left out together, by its name: each feature, then each group.

    Raises:
        StageError: there is nothing to compare, or a group is a mistake.
    """
    names = features.names(schema)
    if len(names) == 1:
        raise StageError(f"{names[0]} is the only feature: without it there is no model")
    for group, members in settings.groups.items():
        where = f"params.yaml: ablate.groups.{group}"
        unknown = next((name for name in members if name not in names), None)
        if unknown is not None:
            raise StageError(f"{where}: {unknown} is no feature{nearest(unknown, names)}")
        if group in names:
            raise StageError(f"{where}: a feature has this name: give the group another")
        if set(members) == set(names):
            raise StageError(f"{where}: these are all features: without them there is no model")
    groups = {group: list(members) for group, members in settings.groups.items()}
    return {**{name: [name] for name in names}, **groups}


def measure(
    train: pl.DataFrame, params: Params, schema: Schema, said: Callable[[int], Any] = lambda _: None
) -> dict[str, Any]:
    """Return what the report tells, but for what it is about; `said` is told of each model fitted.

    Raises:
        StageError: there are too few rows, or the model cannot do without a feature.
    """
    settings = params.part(Ablate)
    chosen, began, done = candidates(schema, settings), time.perf_counter(), 0

    def one_more() -> None:
        nonlocal done
        done += 1
        said(done)

    found: list[Fold] = []
    parts = folds(train, schema, settings.folds, params.train.seed)
    for number, part in enumerate(parts):
        fitted, asked = (train[thinned(rows, settings.rows_per_fold)] for rows in part)
        found.append(measured(fitted, asked, chosen, params, schema, number, one_more))
        told = f"{done} models in {time.perf_counter() - began:.0f} s"
        print(f"ablate: fold {number + 1} of {len(parts)}: {told}", flush=True)
    names = features.names(schema)
    took_each, others = costs.microseconds(train, schema, chosen), alike(arrays(train, names))
    entries = []
    for name, members in chosen.items():
        gain = intervals.gain(found, name, settings.confidence, len(chosen))
        entries.append({"name": name, "features": members, **asdict(gain),
                        "microseconds": round(took_each[name], 3),
                        "alike": others.get(name, [])})  # fmt: skip
    count = len(names)
    return {
        "metric": params.gate.champion.metric, "confidence": settings.confidence,
        "comparisons": len(chosen), "chance": intervals.by_chance(found)[0] ** 0.5,
        "folds": [{"train": one.rows[0], "asked": one.rows[1], "blocks": one.blocks}
                  for one in found],
        "features": entries[:count], "groups": entries[count:],
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def ablate(root: Path, params: Params, schema: Schema) -> dict[str, Any]:
    """Measure, write the report, and log it; return it.

    Raises:
        StageError: see `measure`.
    """
    path = root / params.paths.train
    if not path.is_file():
        raise StageError(f"{params.paths.train} is missing", "run `make pipeline`")
    about, settings = ablation.about(root, params), params.part(Ablate)
    total = settings.folds * (2 * settings.refits + len(candidates(schema, settings)))
    mlflow = tracking.connect(root)
    experiment = tracking.experiment(mlflow, root, params.project.name)
    tracking.close_interrupted(mlflow, experiment)
    owner = tracking.process_tag()
    with (
        mlflow.start_run(experiment_id=experiment, run_name="ablate", tags=owner),
        working("ablate", total) as done,
    ):
        train = pl.read_parquet(path, glob=False)
        report = {"about": about, **measure(train, params, schema, done)}
        write_json(root / params.paths.ablation_report, report)
        mlflow.log_params({**settings.model_dump(exclude={"groups"}), "metric": report["metric"]})
        mlflow.log_metric("chance", report["chance"])
        for one in report["features"] + report["groups"]:
            tags = {**owner, "verdict": one["verdict"]}
            with mlflow.start_run(
                experiment_id=experiment, nested=True, run_name=f"without {one['name']}", tags=tags
            ):
                mlflow.log_metrics({
                    "gain": one["gain"], "low": one["interval"][0], "high": one["interval"][1],
                    "bytes": one["size"], "microseconds": one["microseconds"],
                })  # fmt: skip
                for step, value in enumerate(one["by_fold"]):
                    mlflow.log_metric("gain_of_fold", value, step)
    return report


def lines(report: dict[str, Any]) -> str:
    """Return the report as a table, what earns most first, groups below."""
    head = ("feature", "verdict", report["metric"], "interval", "us a row", "bytes")
    rows = []
    for kind in ("features", "groups"):
        for one in sorted(report[kind], key=lambda one: -one["gain"]):
            low, high = one["interval"]
            rows.append([one["name"], one["verdict"], f"{one['gain']:+.4f}",
                         f"[{low:+.4f}, {high:+.4f}]", f"{one['microseconds']:.1f}",
                         f"{one['size']:+,}"])  # fmt: skip
        rows.append([""] * len(head))
    return table(head, rows[:-1] if report["groups"] else rows[:-2], numbers=head[2:])


def hints(report: dict[str, Any]) -> list[str]:
    """Return what is to be known of features that are unproven since another says the same."""
    told: dict[frozenset[str], list[str]] = {}
    for one in report["features"]:
        if one["verdict"] != ablation.EARNS and one["alike"]:
            names = [one["name"], *one["alike"]]
            told.setdefault(frozenset(names), names)
    return [f"{' and '.join(names)} say nearly the same, so each alone is unproven: as a group in "
            "ablate.groups of params.yaml it shows what they earn together"
            for names in told.values()]  # fmt: skip


def renew(root: Path) -> None:
    """Ablate where the last report is about another model than the one that is here."""
    params = load_params()
    try:
        ablation.read(root, params)
    except StageError as stale:
        print(f"ablate: {stale.reason}: it is made again", flush=True)
        ablate(root, params, load_schema())


def main() -> None:
    """Say what each feature earns."""
    root, params = project_root(), load_params()
    report = ablate(root, params, load_schema())
    print(lines(report))
    for said in hints(report):
        print(f"ablate: {said}")
    counted = [sum(one["verdict"] == verdict for one in report["features"])
               for verdict in (ablation.EARNS, ablation.UNPROVEN, ablation.HARMS)]  # fmt: skip
    print("ablate: of {} features {} earn, {} are unproven, {} harm ({})".format(
        len(report["features"]), *counted, params.paths.ablation_report))  # fmt: skip
