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
from sklearn.metrics import roc_curve

from lifecycle.contract import features, model_file, privacy
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, replacing, write_json
from lifecycle.contract.model_file import Model
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays, categories, labels, unknown
from lifecycle.core.params import Evaluate, Params, load_params
from lifecycle.pipeline import block_figures, reference
from lifecycle.tasks import baselines, metrics

Array = metrics.Array


def slices(
    frame: pl.DataFrame, label: Array, probability: Array, params: Evaluate, schema: Schema
) -> list[dict[str, Any]]:
    """Return the metrics of every slice that params.yaml names, with its count of rows."""
    found = []
    for name in params.slices:
        if name not in frame.columns:
            raise StageError(f"params.yaml: evaluate.slices: {name} is no column and no feature")
        for value in frame[name].unique().sort():
            rows = (frame[name] == value).fill_null(value=False).to_numpy()
            told = privacy.shown(schema, name, value)
            entry: dict[str, Any] = {"slice": name, "value": told, "rows": int(rows.sum())}
            enough = rows.sum() >= params.minimum_slice_rows and 0 < label[rows].mean() < 1
            entry["metrics"] = (
                metrics.score(label[rows], probability[rows], params.calibration_bins)
                if enough
                else None
            )
            found.append(entry)
    return found


def fairness(
    frame: pl.DataFrame, label: Array, decision: Array, schema: Schema, minimum_rows: int
) -> dict[str, Any]:
    """Return error rates by group of each sensitive column, and the largest differences."""
    found: dict[str, Any] = {}
    for name in schema.names("sensitive"):
        groups = []
        for value in frame[name].unique().sort():
            rows = (frame[name] == value).fill_null(value=False).to_numpy()
            if rows.sum() >= minimum_rows:
                rates = metrics.group_rates(label[rows], decision[rows])
                told = privacy.shown(schema, name, value)
                groups.append({"group": told, "rows": int(rows.sum()), **rates})
        found[name] = {"groups": groups, "disparity": metrics.disparity(groups)}
    return found


def attributions(model: Model, columns: dict[str, Array], rows: int) -> list[dict[str, Any]]:
    """Return the mean absolute SHAP value of each feature, in log odds, largest first.

    Taken on `rows` rows spread evenly over the holdout; none of a kind of model that has none. (ML
    Test Score, Data 2.)
    """
    total = len(columns[model.names[0]])
    picked = np.unique(np.linspace(0, total - 1, min(rows, total)).astype(int))
    values = model.contributions({name: columns[name][picked] for name in model.names})
    if values is None:
        return []
    means = np.abs(values[:, :-1]).mean(axis=0)
    order = np.argsort(-means, kind="stable")
    return [{"feature": model.names[i], "attribution": float(means[i])} for i in order]


def evaluate(
    train: pl.DataFrame, holdout: pl.DataFrame, model: Model, params: Params, schema: Schema
) -> tuple[dict[str, Any], Array, dict[str, Array], pl.DataFrame]:
    """Return the evaluation, the holdout's probabilities and columns, and all rows `predicted`."""
    names, chosen = features.names(schema), params.evaluate
    columns, seen = arrays(holdout, names), arrays(train, names)
    label, known = (labels(part, schema) for part in (holdout, train))
    probability = model.predict(columns)
    rows = predicted({"train": train, "holdout": holdout}, [model.predict(seen), probability])
    codes = categories(seen, schema.private_categories)
    line = baselines.predict_linear(seen, known, columns, codes, params.train.seed)
    bins = chosen.calibration_bins
    report = {
        "rows": holdout.height,
        "metrics": metrics.score(label, probability, bins),
        "baselines": {
            "constant": metrics.score(label, baselines.constant(known, len(label)), bins),
            "linear": metrics.score(label, line, bins),
        },
        "calibration": metrics.calibration(label, probability, bins),
        "slices": slices(holdout, label, probability, chosen, schema),
        "fairness": fairness(
            holdout, label, probability >= chosen.threshold, schema, chosen.minimum_slice_rows
        ),
        "attributions": attributions(model, columns, chosen.attribution_rows),
        "unknown_categories": unknown(columns, model.codes),
        "worst_blocks": block_figures.worst(rows, schema, params),
    }
    return report, probability, columns, rows


def predicted(parts: dict[str, pl.DataFrame], probabilities: list[Array]) -> pl.DataFrame:
    """Return all rows with what the model predicts for them, and the `part` that they are of."""
    whole = pl.concat([rows.with_columns(part=pl.lit(name)) for name, rows in parts.items()])
    probability = np.concatenate(probabilities).astype(np.float64)
    return whole.with_columns(pl.Series("probability", probability))


def write_plots(folder: Path, report: dict[str, Any], label: Array, probability: Array) -> None:
    """Write the data of the DVC plots: ROC curve, calibration, attributions."""
    false_positive, true_positive, _ = roc_curve(label, probability)
    kept = np.unique(np.linspace(0, len(false_positive) - 1, 200).astype(int))
    roc = [
        {
            "false_positive_rate": float(false_positive[i]),
            "true_positive_rate": float(true_positive[i]),
        }
        for i in kept
    ]
    write_json(folder / "roc.json", roc)
    for name in ("calibration", "attributions"):
        write_json(folder / f"{name}.json", report[name])


def main() -> None:
    """Evaluate the model on the holdout and write the reports."""
    params, schema = load_params(), load_schema()
    root, paths = project_root(), params.paths
    train = pl.read_parquet(root / paths.train, glob=False)
    holdout = pl.read_parquet(root / paths.holdout, glob=False)
    model = model_file.load(root / paths.model)
    report, probability, columns, rows = evaluate(train, holdout, model, params, schema)
    label = labels(holdout, schema)
    with replacing(root / paths.predictions) as temporary:
        pl.DataFrame({"probability": probability}).write_parquet(temporary)
    write_json(root / paths.metrics, report["metrics"])
    identity = md5(root / paths.model)
    write_json(root / paths.evaluation_report, {"model_md5": identity, **report})
    write_json(
        root / paths.reference_profile,
        reference.profile(
            columns,
            probability,
            label,
            params.evaluate.profile_bins,
            privacy.private_features(schema),
        ),
    )
    sample = reference.sample(rows, schema)
    reference.write_sample(root / paths.reference_sample, sample, identity)
    write_plots(root / paths.plots, report, label, probability)
    scored = ", ".join(f"{name} {value:.4f}" for name, value in report["metrics"].items())
    print(f"evaluate: {holdout.height} rows held out: {scored}")
