"""The real configuration, shrunk, and real rows: what the example's own files give.

`snapshot` is the whole window of params.yaml, `rows` a small part of it. `project` is a folder of
its own with a sample of the source and every output of the pipeline, made by the real stages.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import evaluate, ingest, prepare, train, validate
from lifecycle.pipeline.suite import Beyond, load_beyond
from project import source as example

ROOT = Path(__file__).parents[1]
# One flight of so many is in the project's source.
SPARSE = 8


def shrink(params: Params) -> Params:
    """Return the real parameters with fewer months, trees and draws.

    What so few rows cannot reach, the gate does not ask: those limits are tested one by one.
    """
    months = params.data.window.months[-2:]
    small: dict[str, dict[str, Any]] = {
        "project": {"name": "shrunk"},
        "data": {"window": {"start": months[0], "end": months[-1]}},
        "prepare": {"holdout_days": 30},
        "train": {"maximum_trees": 30, "early_stopping_rounds": 10, "minimum_child_weight": 5.0},
        "tune": {"trials": 2},
        "evaluate": {"minimum_slice_rows": 50, "attribution_rows": 50},
        "gate": {
            "metrics": {"roc_auc": {"minimum": 0.5, "maximum": 0.95}},
            "baselines": {"minimum_gain": -0.2},
            "champion": {"resamples": 100},
            "slices": {"minimum": 0.0},
            "disparity": {"maximum": 1.0},
            "latency": {"maximum_milliseconds": 1000.0},
        },
        "batch": {"rows_per_chunk": 500},
    }
    whole = params.model_dump(mode="json", by_alias=True)
    for section, values in small.items():
        for key, value in values.items():
            old = whole[section].get(key)
            merged = isinstance(old, dict) and isinstance(value, dict) and key != "metrics"
            whole[section][key] = {**old, **value} if merged else value
    return type(params).model_validate(whole)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project under test."""
    return ROOT


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema(ROOT / "schema.yaml")


@pytest.fixture(scope="session")
def beyond() -> Beyond:
    return load_beyond(ROOT / "expectations" / "suite.yaml")


@pytest.fixture(scope="session")
def real_params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def params(real_params: Params) -> Params:
    return shrink(real_params)


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's files, as they come."""
    folder = tmp_path_factory.mktemp("source")
    example.fetch_flights(folder)
    return folder


@pytest.fixture(scope="session")
def snapshot(source_folder: Path, real_params: Params, schema: Schema) -> pl.DataFrame:
    """Every row of the window of params.yaml."""
    return ingest.ingest(source_folder, real_params, schema)[0]


@pytest.fixture(scope="session")
def rows(snapshot: pl.DataFrame) -> pl.DataFrame:
    """A few thousand real rows, spread evenly over the window."""
    return snapshot.gather_every(max(1, snapshot.height // 4000))


@pytest.fixture(scope="session")
def sparse_source(source_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's files with one flight in so many."""
    folder = tmp_path_factory.mktemp("sparse") / "source"
    folder.mkdir()
    shutil.copy(source_folder / example.WEATHER, folder)
    with zipfile.ZipFile(source_folder / example.FLIGHTS) as archive:
        name = archive.namelist()[0]
        header, *flights = archive.read(name).decode().splitlines(keepends=True)
    with zipfile.ZipFile(folder / example.FLIGHTS, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, "".join([header, *flights[::SPARSE]]))
    return folder


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory, sparse_source: Path, params: Params) -> Path:
    """A project folder in which every stage has run; tests work on copies of it."""
    # No stage may take a folder's name for a pattern, or for a piece of SQL.
    folder = tmp_path_factory.mktemp("""it's "the" [pipeline]* :one""")
    text = yaml.safe_dump(params.model_dump(mode="json", by_alias=True), sort_keys=False)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "schema.yaml", folder)
    shutil.copytree(ROOT / "expectations", folder / "expectations")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(sparse_source, folder / params.paths.source)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for stage in (ingest, validate, prepare, train, evaluate):
            stage.main()
    return folder


@pytest.fixture
def project(pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the project after its pipeline, to be worked in and spoilt; it is the cwd."""
    folder = tmp_path / "project"
    shutil.copytree(pipeline, folder)
    monkeypatch.chdir(folder)
    # MLflow sets it to the store that it was last pointed at.
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield folder
