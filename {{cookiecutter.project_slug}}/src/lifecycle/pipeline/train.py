"""Train fits the model on the training part and logs the run; the same inputs, the same bytes.

The holdout is never read. (ML Test Score, Infrastructure 1.)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from numpy.typing import NDArray

from lifecycle.contract import features, model_file
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import replacing, write_json
from lifecycle.contract.model_file import Fit
from lifecycle.contract.outcome.outcome import CARRIED
from lifecycle.core.command import project_root
from lifecycle.core.frames import arrays, categories, labels, learn
from lifecycle.core.params import Params, load_params
from lifecycle.records import tracking
from lifecycle.tasks import chosen as tasks
from project.model import Target, fit


def fitted_on(frame: pl.DataFrame, params: Params, schema: Schema) -> tuple[Fit, dict[str, Any]]:
    """Return the fit on all rows, and what the model file carries of them beside it.

    That is what its features have learnt, and what its task decides by.
    """
    names, label = features.names(schema), labels(frame, schema)
    columns = arrays(frame, names)
    codes = categories(columns, schema.private_categories)
    target = Target(schema.task, len(schema.classes))

    def fit_part(part: slice) -> Fit:
        some = {name: values[part] for name, values in columns.items()}
        try:
            found: Fit = fit(some, label[part], names, codes, params.train, target)
        except ValueError as error:
            raise StageError(str(error)) from None
        return found

    def predicting(part: slice) -> Callable[[slice], NDArray[Any]]:
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / params.paths.model.name
            path.write_bytes(fit_part(part).to_bytes({}))
            model = model_file.load(path)
        return lambda rows: model.predict({name: columns[name][rows] for name in names})

    # Of the same rows as prepare: what a row is predicted with is not what it was trained with.
    carried = learn(frame, schema)
    if deciding := tasks.of(schema).learnt(predicting, label):
        carried[CARRIED] = deciding
    return fit_part(slice(None)), carried


def main() -> None:
    """Fit, write the model and its training report, and log the run to MLflow."""
    params, schema = load_params(), load_schema()
    root, paths = project_root(), params.paths
    tasks.require(params, schema)
    frame = pl.read_parquet(root / paths.train, glob=False)
    fitted, carried = fitted_on(frame, params, schema)
    with replacing(root / paths.model) as temporary:
        temporary.write_bytes(fitted.to_bytes(carried))
    figures = dict(fitted.figures)
    write_json(root / paths.training_report, {"rows": frame.height, "figures": figures})
    run_id = tracking.log_model_run(root, params, schema)
    told = "".join(f", {n} {v:g}" for n, v in figures.items() if not isinstance(v, list))
    print(f"train: {frame.height} rows{told}; MLflow run {run_id}")
