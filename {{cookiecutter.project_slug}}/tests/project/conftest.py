"""What is yours, as it is: schema.yaml, params.yaml, the source's rows, a model fitted on some.

`snapshot` is the whole window of params.yaml, `rows` a small part of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.core import frames
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import fetch, ingest, prepare
from lifecycle.pipeline.suite import Beyond, load_beyond
from project import model

ROOT = Path(__file__).parents[2]
# A model that is fitted in no time.
SMALL = {"maximum_trees": 30, "early_stopping_rounds": 10, "minimum_child_weight": 5.0}


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema(ROOT / "schema.yaml")


@pytest.fixture(scope="session")
def beyond() -> Beyond:
    return load_beyond(ROOT / "expectations" / "suite.yaml")


@pytest.fixture(scope="session")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def snapshot(
    tmp_path_factory: pytest.TempPathFactory, params: Params, schema: Schema
) -> pl.DataFrame:
    """Every row of the window of params.yaml, as ingest reads it."""
    folder = ROOT / params.paths.source
    if not folder.is_dir():
        folder = tmp_path_factory.mktemp("source")
        fetch.fetch(params.data.source, folder, ROOT)
    return ingest.ingest(folder, params, schema)[0]


@pytest.fixture(scope="session")
def rows(snapshot: pl.DataFrame) -> pl.DataFrame:
    """A few thousand rows, spread evenly over the window."""
    return snapshot.gather_every(max(1, snapshot.height // 4000))


@pytest.fixture(scope="session")
def columns(rows: pl.DataFrame, schema: Schema) -> dict[str, Any]:
    """The features of the rows, as the model gets them."""
    made = features.on_frame(schema, rows, frames.learn(rows, schema))
    return frames.arrays(made, features.names(schema))


@pytest.fixture(scope="session")
def fitting(
    rows: pl.DataFrame, columns: dict[str, Any], schema: Schema, params: Params
) -> Callable[..., model.Fit]:
    """Fit on the rows, with hyper-parameters changed."""
    label, target = frames.labels(rows, schema), model.Target(schema.task, len(schema.classes))
    codes = frames.categories(columns, {})

    def fit(**changes: Any) -> model.Fit:
        settings = params.train.model_copy(update={**SMALL, **changes})
        return model.fit(columns, label, list(columns), codes, settings, target)

    return fit


@pytest.fixture(scope="session")
def model_file(fitting: Callable[..., model.Fit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("model") / "model.ubj"
    target.write_bytes(fitting().to_bytes())
    return target


@pytest.fixture(scope="session")
def fitted(model_file: Path) -> model.Model:
    """The model as it is loaded from its file."""
    return model.Model.load(model_file)


@pytest.fixture
def made(
    tmp_path: Path,
    rows: pl.DataFrame,
    schema: Schema,
    params: Params,
    model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder with what the pipeline makes, of few rows; it is the cwd."""
    for name in ("params.yaml", "schema.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    split = prepare.parts_of(rows, params, schema)
    train, holdout = prepare.with_features(*split, schema)
    paths = params.paths
    for frame, path in ((rows, paths.snapshot), (train, paths.train), (holdout, paths.holdout)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        frame.write_parquet(tmp_path / path)
    (tmp_path / paths.model).parent.mkdir(exist_ok=True)
    shutil.copy(model_file, tmp_path / paths.model)
    monkeypatch.chdir(tmp_path)
    return tmp_path
