"""Evaluate measures the model on the holdout: overall, by slice, by group, against baselines.

It writes metrics.json (DVC's metrics), the full evaluation, plots, the predictions, and profile,
sample and worst weeks for monitoring; it judges nothing: the gate does. (ML Test Score, Model 5 to
7.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract import features, model_file, privacy
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, replacing, write_json
from lifecycle.contract.model_file import Model
from lifecycle.contract.outcome import chosen as outcomes
from lifecycle.contract.outcome.outcome import DECISION, Deciding, Outcome
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays, categories, coded, labels, score_column, unknown
from lifecycle.core.params import Evaluate, Params, load_params
from lifecycle.pipeline import block_figures, reference
from lifecycle.tasks import baselines
from lifecycle.tasks import chosen as tasks
from lifecycle.tasks.deciding import decided_by
from lifecycle.tasks.task import Array, Task, differences

# What of the report is drawn as well.
DRAWN = ("calibration", "confusion", "attributions")


def slices(
    frame: pl.DataFrame, label: Array, scores: Array, params: Evaluate, schema: Schema
) -> list[dict[str, Any]]:
    """Return the metrics of every slice that params.yaml names, with its count of rows."""
    task, found = tasks.of(schema), []
    for name in params.slices:
        if name not in frame.columns:
            raise StageError(f"params.yaml: evaluate.slices: {name} is no column and no feature")
        for value in frame[name].drop_nulls().unique().sort():
            rows = (frame[name] == value).fill_null(value=False).to_numpy()
            told = privacy.shown(schema, name, value)
            entry: dict[str, Any] = {"slice": name, "value": told, "rows": int(rows.sum())}
            enough = rows.sum() >= params.minimum_slice_rows and task.is_judgeable(label[rows])
            entry["metrics"] = (
                task.score(label[rows], scores[rows], params.calibration_bins) if enough else None
            )
            found.append(entry)
    return found


def fairness(
    frame: pl.DataFrame, label: Array, decided: Array, schema: Schema, minimum_rows: int
) -> dict[str, Any]:
    """Return the rates by group of each sensitive column, and the largest differences."""
    task, found = tasks.of(schema), dict[str, Any]()
    scale = task.facts(label).get("scale", 1.0)
    for name in schema.names("sensitive"):
        groups = []
        for value in frame[name].drop_nulls().unique().sort():
            rows = (frame[name] == value).fill_null(value=False).to_numpy()
            if rows.sum() >= minimum_rows:
                rates = task.group_rates(label[rows], decided[rows], scale)
                told = privacy.shown(schema, name, value)
                groups.append({"group": told, "rows": int(rows.sum()), **rates})
        found[name] = {"groups": groups, "disparity": differences(groups, task.rates)}
    return found


def attributions(model: Model, columns: dict[str, Array], rows: int) -> list[dict[str, Any]]:
    """Return the mean absolute SHAP value of each feature, of the scores, largest first.

    Of several classes the mean over them. Taken on `rows` rows spread evenly over the holdout; none
    of a kind of model that has none. (ML Test Score, Data 2.)
    """
    total = len(columns[model.names[0]])
    picked = np.unique(np.linspace(0, total - 1, min(rows, total)).astype(int))
    values = model.contributions({name: columns[name][picked] for name in model.names})
    if values is None:
        return []
    means = np.abs(values[..., :-1]).mean(axis=tuple(range(values.ndim - 1)))
    order = np.argsort(-means, kind="stable")
    return [{"feature": model.names[i], "attribution": float(means[i])} for i in order]


def evaluate(
    train: pl.DataFrame, holdout: pl.DataFrame, model: Model, params: Params, schema: Schema
) -> tuple[dict[str, Any], Array, dict[str, Array], pl.DataFrame]:
    """Return the evaluation, the holdout's scores and columns, and all rows `predicted`."""
    names, chosen = features.names(schema), params.evaluate
    task, outcome = tasks.require(params, schema), outcomes.of(schema)
    deciding = decided_by(params, schema, model)
    columns, seen = arrays(holdout, names), arrays(train, names)
    label, known = (labels(part, schema) for part in (holdout, train))
    scores = model.predict(columns)
    rows = predicted({"train": train, "holdout": holdout}, [model.predict(seen), scores], outcome)
    codes = categories(seen, schema.private_categories)
    line = baselines.predict_linear(task, seen, known, columns, codes, params.train.seed)
    bins, facts = chosen.calibration_bins, task.facts(label)
    decided = coded(outcome.decide(scores, deciding), outcome)
    report = {
        "task": task.name,
        "rows": holdout.height,
        **facts,
        "metrics": task.score(label, scores, bins) | task.own_figures(label, scores, deciding),
        "baselines": {
            "constant": task.score(label, task.constant(known, len(label)), bins),
            "linear": task.score(label, line, bins),
        },
        **task.curves(label, scores, bins),
        **({"classes": list(schema.classes)} if schema.classes else {}),
        "slices": slices(holdout, label, scores, chosen, schema),
        "fairness": fairness(holdout, label, decided, schema, chosen.minimum_slice_rows),
        "attributions": attributions(model, columns, chosen.attribution_rows),
        "unknown_categories": unknown(columns, model.codes),
        "worst_blocks": block_figures.worst(rows, schema, params, facts.get("scale", 1.0)),
    }
    return report, scores, columns, rows


def predicted(
    parts: dict[str, pl.DataFrame], scores: list[Array], outcome: Outcome
) -> pl.DataFrame:
    """Return all rows with what the model predicts for them, and the `part` that they are of."""
    whole = pl.concat([rows.with_columns(part=pl.lit(name)) for name, rows in parts.items()])
    found = np.concatenate(scores).astype(np.float64)
    whole = whole.with_columns(score_column(found, outcome))
    if outcome.watched in whole.columns:
        return whole
    return whole.with_columns(pl.Series(DECISION, outcome.decide(found, Deciding())))


def write_plots(
    folder: Path, report: dict[str, Any], label: Array, scores: Array, task: Task
) -> None:
    """Write the data of the DVC plots: attributions, and what the task draws."""
    measured = {name: report[name] for name in DRAWN if name in report}
    for name, points in (measured | task.plots(label, scores)).items():
        write_json(folder / f"{name}.json", points)


def main() -> None:
    """Evaluate the model on the holdout and write the reports."""
    params, schema = load_params(), load_schema()
    root, paths = project_root(), params.paths
    train = pl.read_parquet(root / paths.train, glob=False)
    holdout = pl.read_parquet(root / paths.holdout, glob=False)
    model = model_file.load(root / paths.model)
    report, scores, columns, rows = evaluate(train, holdout, model, params, schema)
    label, task = labels(holdout, schema), tasks.of(schema)
    with replacing(root / paths.predictions) as temporary:
        score_column(scores, outcomes.of(schema)).to_frame().write_parquet(temporary)
    write_json(root / paths.metrics, report["metrics"])
    identity = md5(root / paths.model)
    write_json(root / paths.evaluation_report, {"model_md5": identity, **report})
    write_json(
        root / paths.reference_profile,
        reference.profile(
            columns,
            task.figure(scores),
            label,
            params.evaluate.profile_bins,
            privacy.private_features(schema),
        ),
    )
    sample = reference.sample(rows, schema)
    reference.write_sample(root / paths.reference_sample, sample, identity)
    write_plots(root / paths.plots, report, label, scores, task)
    scored = ", ".join(f"{name} {value:.4f}" for name, value in report["metrics"].items())
    print(f"evaluate: {holdout.height} rows held out: {scored}")
