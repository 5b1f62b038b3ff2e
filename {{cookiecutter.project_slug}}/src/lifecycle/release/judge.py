"""Judge measures a challenger against every rule; what follows from it is the gate's business."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract import features, model_file
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_json
from lifecycle.contract.model_file import Model
from lifecycle.core.blocks import of_rows
from lifecycle.core.frames import labels, request_arrays
from lifecycle.core.params import Params
from lifecycle.records import registry
from lifecycle.release import difference
from lifecycle.release.champion import probabilities
from lifecycle.release.unseen import unseen
from lifecycle.tasks import rules
from lifecycle.tasks.rules import Verdict


def latency(model: Model, holdout: pl.DataFrame, schema: Schema, calls: int = 200) -> float:
    """Return the median milliseconds that one row takes from the request's values to the answer."""
    columns, made = request_arrays(holdout, schema), features.Features(schema, model.fitted)
    taken = []
    for i in range(calls):
        row = {name: values[i % holdout.height :][:1] for name, values in columns.items()}
        started = time.perf_counter()
        model.predict(made.on_arrays(row))
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def performance(root: Path, holdout: pl.DataFrame, params: Params, schema: Schema) -> list[Verdict]:
    """Check what the model costs: time for one row, and bytes."""
    path = root / params.paths.model
    took = latency(model_file.load(path), holdout, schema)
    most = params.gate.latency.maximum_milliseconds
    size, largest = path.stat().st_size / 1e6, params.gate.size.maximum_megabytes
    return [
        Verdict("median time for one row", f"{took:.2f} ms", f"<= {most} ms", took <= most,
                "cost", took, maximum=most),
        Verdict("size of the model file", f"{size:.2f} MB", f"<= {largest} MB", size <= largest,
                "cost", size, maximum=largest),
    ]  # fmt: skip


def against_champion(
    root: Path,
    version: registry.Version | None,
    holdout: pl.DataFrame,
    params: Params,
    schema: Schema,
) -> tuple[list[Verdict], dict[str, Any] | None]:
    """Compare with the champion on the same holdout, which it must not have seen.

    Returns the verdicts, and how the decisions of both differ where that could be measured.
    """
    if version is None:
        first_one = Verdict("against the champion", "no champion yet", "first deployment", True,
                            rules.AGAINST)  # fmt: skip
        return [first_one], None
    is_unseen, unseen_rows = unseen(root, version, holdout, params, schema)
    label = labels(holdout, schema)
    scored = pl.read_parquet(root / params.paths.predictions, glob=False)
    predicted = scored["probability"].to_numpy()
    if len(predicted) != len(label):
        raise StageError(
            f"{params.paths.predictions} has {len(predicted)} rows and the holdout {len(label)}",
            "run `make pipeline`",
        )
    theirs = probabilities(root, version, holdout, schema)
    gain = rules.bootstrap_gain(
        label[unseen_rows],
        predicted[unseen_rows],
        theirs[unseen_rows],
        of_rows(holdout, schema)[unseen_rows],
        params.gate.champion,
        params.train.seed,
    )
    measured = difference.measure(
        holdout, (theirs, predicted), version, params, schema, md5(root / params.paths.model)
    )
    is_same = version.tags["model_md5"] == md5(root / params.paths.model)
    compared = rules.champion(gain, version.name, params.gate.champion, is_same=is_same)
    return [is_unseen, compared], measured


def judge(
    root: Path, params: Params, schema: Schema, version: registry.Version | None
) -> tuple[list[Verdict], dict[str, Any] | None]:
    """Return the verdict of every rule, and how the model differs from the champion.

    Raises:
        StageError: the evaluation is of another model, or something it needs is missing.
    """
    evaluation = read_json(root / params.paths.evaluation_report)
    if evaluation.get("model_md5") != md5(root / params.paths.model):
        raise StageError("the evaluation is of another model", "run `make pipeline`")
    holdout = pl.read_parquet(root / params.paths.holdout, glob=False)
    compared, measured = against_champion(root, version, holdout, params, schema)
    return [
        *rules.limits(evaluation["metrics"], params.gate),
        *rules.baselines(evaluation, params.gate),
        *compared,
        *rules.slices(evaluation, params.gate),
        *rules.disparity(evaluation, params.gate),
        *performance(root, holdout, params, schema),
    ], measured
