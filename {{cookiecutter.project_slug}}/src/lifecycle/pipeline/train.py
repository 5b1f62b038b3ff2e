"""Train fits the model on the training part and logs the run; the same inputs, the same bytes.

Early stopping goes by the newest rows of the training part; the holdout is never read.
(ML Test Score, Infrastructure 1.)
"""

from __future__ import annotations

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.columns import load_schema
from lifecycle.contract.files import replacing, write_json
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays, learn
from lifecycle.core.params import load_params
from lifecycle.records import tracking
from project.model import category_codes, fit


def main() -> None:
    """Fit, write the model and its training report, and log the run to MLflow."""
    params, schema = load_params(), load_schema()
    root, paths = project_root(), params.paths
    frame = pl.read_parquet(root / paths.train, glob=False)
    names = features.names(schema)
    columns = arrays(frame, names)
    categorical = [name for name in names if columns[name].dtype == object]
    fitted = fit(
        columns,
        frame[schema.target].cast(pl.Float64).to_numpy(),
        names,
        category_codes(
            {name: list(columns[name]) for name in categorical}, schema.private_categories
        ),
        params.train,
    )
    with replacing(root / paths.model) as temporary:
        # Of the same rows as prepare: what a row is predicted with is not what it was trained with.
        temporary.write_bytes(fitted.to_bytes(learn(frame, schema)))
    report = {"rows": frame.height, "trees": fitted.trees, "early_stopping_roc_auc": fitted.curve}
    write_json(root / paths.training_report, report)
    run_id = tracking.log_model_run(root, params, schema)
    print(f"train: {frame.height} rows, {fitted.trees} trees; MLflow run {run_id}")
