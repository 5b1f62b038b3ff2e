"""MLflow tracking: where it is, and the one run that each model has.

By default a SQLite file in the project's folder; `MLFLOW_TRACKING_URI` names a server instead.
The artefact of record is the DVC-tracked model file: a run is its description.
"""

from __future__ import annotations

import ast
import logging
import os
import socket
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import psutil

import lifecycle
import project
from lifecycle.contract.columns import Schema
from lifecycle.contract.files import md5, read_json
from lifecycle.core.params import Params
from lifecycle.records import store, tracking_server

MLFLOW_TYPES = {
    "integer": "long", "float": "double", "boolean": "boolean",
    "category": "string", "string": "string", "datetime": "datetime",
}  # fmt: skip
# Whatever the caller's environment says.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Through the server: its store may be where this machine cannot reach it.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
}
# What the machinery needs where a logged model is loaded.
REQUIREMENTS = ("mlflow", "narwhals", "numpy", "pandas", "polars", "pyarrow", "pydantic", "pyyaml")


def connect(root: Path) -> Any:
    """Return the `mlflow` module, pointed at the project's store and with telemetry off.

    Raises:
        StageError: that does not answer, or MLflow cannot use it.
    """
    tracking_server.require(root)
    os.environ.update(SETTINGS)
    import mlflow  # two seconds, so only where it is used

    tracking_server.require_variables()
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if store.is_local(root):
        store.ensure(root)
        store.relocate(root / "mlflow.db", root / "mlartifacts")
        mlflow.set_tracking_uri(store.address(root))
    else:
        mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    tracking_server.require_answer(mlflow, root)
    return mlflow


def experiment(mlflow: Any, root: Path, name: str) -> str:
    """Return the id of the project's experiment, made on first use."""
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = str(root / "mlartifacts") if store.is_local(root) else None
    try:
        return str(mlflow.create_experiment(name, artifact_location=local))
    except mlflow.exceptions.MlflowException as error:
        # Another process made it in the meantime.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(mlflow.get_experiment_by_name(name).experiment_id)


def process_tag() -> dict[str, str]:
    """Return the tag by which a run is known to have been left by a process that is gone."""
    return {"process": f"{socket.gethostname()}:{os.getpid()}"}


def close_interrupted(mlflow: Any, experiment_id: str) -> None:
    """End the runs whose process, on this machine, is gone: a killed run is not still running."""
    running = mlflow.MlflowClient().search_runs([experiment_id], "attributes.status = 'RUNNING'")
    for run in running:
        host, _, process = run.data.tags.get("process", "").partition(":")
        if host == socket.gethostname() and not psutil.pid_exists(int(process)):
            mlflow.MlflowClient().set_terminated(run.info.run_id, status="KILLED")


def find_run(mlflow: Any, experiment_id: str, model_md5: str) -> Any:
    """Return the finished run that logged exactly this model, or None."""
    found = mlflow.MlflowClient().search_runs(
        [experiment_id],
        f"attributes.status = 'FINISHED' and tags.model_md5 = '{model_md5}'",
        max_results=1,
    )
    return found[0] if found else None


def log_model_run(root: Path, params: Params, schema: Schema) -> str:
    """Log the trained model with parameters, data set, curve, signature and example, once.

    Returns the run's id; a model that has a finished run keeps it.
    """
    mlflow = connect(root)
    experiment_id = experiment(mlflow, root, params.project.name)
    close_interrupted(mlflow, experiment_id)
    model_md5 = md5(root / params.paths.model)
    found = find_run(mlflow, experiment_id, model_md5)
    if found is not None:
        return str(found.info.run_id)
    report = read_json(root / params.paths.training_report)
    tags = {"model_md5": model_md5, **process_tag()}
    with mlflow.start_run(experiment_id=experiment_id, tags=tags) as run:
        mlflow.log_params({**params.train.model_dump(), "window": params.data.span})
        for name, value in report["figures"].items():
            _log_figure(mlflow, run.info.run_id, name, value)
        mlflow.log_input(_data_set(root, params.paths.train), context="training")
        info = _log_model(mlflow, root, params, schema)
        mlflow.set_tag("model_uri", info.model_uri)
        return str(run.info.run_id)


def _log_figure(mlflow: Any, run_id: str, name: str, value: float | list[float]) -> None:
    from mlflow.entities import Metric

    rounds = value if isinstance(value, list) else [value]
    curve = [Metric(name, one, 0, step) for step, one in enumerate(rounds)]
    mlflow.MlflowClient().log_batch(run_id, metrics=curve[:1000])


def _data_set(root: Path, path: Path) -> Any:
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource

    # Named by content; the path is relative, since the folder may be moved.
    return MetaDataset(LocalArtifactDatasetSource(str(path)), path.name, md5(root / path))


def _log_model(mlflow: Any, root: Path, params: Params, schema: Schema) -> Any:
    """Log the model so that it takes the request's columns by name; nothing is pickled."""
    import polars as pl
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec
    from mlflow.types.schema import Schema as Columns

    from lifecycle.records import pyfunc
    from lifecycle.records.synthetic import made_up

    inputs = [
        ColSpec(MLFLOW_TYPES[schema[n].type], n, required=schema[n].null_share == 0)
        for n in schema.request
    ]
    train = pl.scan_parquet(root / params.paths.train, glob=False)
    rows = train.select(schema.request).head(5).collect()
    example = made_up(rows, schema)
    return mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(str(pyfunc.__file__))),
        artifacts={"model": str(root / params.paths.model), "schema": str(root / "schema.yaml")},
        code_paths=[*lifecycle.__path__, *project.__path__],
        signature=ModelSignature(Columns(inputs), Columns([ColSpec("double", "probability")])),
        input_example=example.to_pandas(),
        # Given, because MLflow would otherwise start a process that imports everything to find it.
        pip_requirements=[f"{name}=={version(name)}" for name in sorted(_libraries())],
    )


def _libraries() -> set[str]:
    """Return what the logged model needs where it is loaded, under the names of the packages.

    Beside REQUIREMENTS that is what src/project/ imports: on Linux `xgboost` is `xgboost-cpu`.
    """
    code = (path for place in project.__path__ for path in Path(place).rglob("*.py"))
    imported: set[str] = set()
    for node in (one for path in code for one in ast.walk(ast.parse(path.read_bytes()))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    installed = packages_distributions()
    found = (one for name in imported for one in installed.get(name.partition(".")[0], ()))
    return {*REQUIREMENTS, *(one.lower() for one in found)}


def log_metrics(root: Path, params: Params) -> None:
    """Add the holdout's metrics to the run of the model that is in the workspace."""
    mlflow = connect(root)
    experiment_id = experiment(mlflow, root, params.project.name)
    run = find_run(mlflow, experiment_id, md5(root / params.paths.model))
    metrics = read_json(root / params.paths.metrics)
    if run is not None and not metrics.keys() <= run.data.metrics.keys():
        for name, value in metrics.items():
            mlflow.MlflowClient().log_metric(run.info.run_id, name, value)
