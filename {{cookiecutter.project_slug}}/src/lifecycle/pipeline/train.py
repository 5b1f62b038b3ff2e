"""Train fits the model on the training part and logs the run; the same inputs, the same bytes.

The holdout is never read. (ML Test Score, Infrastructure 1.)
"""

from __future__ import annotations

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import load_schema
from lifecycle.contract.files import replacing, write_json
from lifecycle.contract.model_file import Fit
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays, categories, labels, learn
from lifecycle.core.params import load_params
from lifecycle.records import tracking
from project.model import fit


def main() -> None:
    """Fit, write the model and its training report, and log the run to MLflow."""
    params, schema = load_params(), load_schema()
    root, paths = project_root(), params.paths
    frame = pl.read_parquet(root / paths.train, glob=False)
    names = features.names(schema)
    columns = arrays(frame, names)
    fitted: Fit = fit(
        columns,
        labels(frame, schema),
        names,
        categories(columns, schema.private_categories),
        params.train,
    )
    with replacing(root / paths.model) as temporary:
        # Of the same rows as prepare: what a row is predicted with is not what it was trained with.
        temporary.write_bytes(fitted.to_bytes(learn(frame, schema)))
    figures = dict(fitted.figures)
    write_json(root / paths.training_report, {"rows": frame.height, "figures": figures})
    run_id = tracking.log_model_run(root, params, schema)
    told = "".join(f", {n} {v:g}" for n, v in figures.items() if not isinstance(v, list))
    print(f"train: {frame.height} rows{told}; MLflow run {run_id}")
