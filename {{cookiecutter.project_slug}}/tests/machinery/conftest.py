"""The example, shrunk, and real rows of it: what the owner's own columns are does not matter here.

`snapshot` is the whole window of its params.yaml, `rows` a small part of it. `project` is a folder
of its own with a sample of the source and every output of the pipeline, made by the real stages.
`release` is what `package` writes, of a tiny model; `client` asks the service in process.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest

# Before anything imports `project`: the example is meant by it, and not what is the owner's.
sys.path.insert(0, str(Path(__file__).parent / "example"))
# As make says it: an editor that starts the tests does not.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import polars as pl
import yaml
from drawn import Record, draw_records
from folders import CODE, EXAMPLE, ROOT
from shrunk import shrink, write_release
from starlette.testclient import TestClient

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import evaluate, ingest, prepare, train, validate
from lifecycle.pipeline.suite import Beyond, load_beyond
from lifecycle.records import store
from project import source as example

# One flight of so many is in the project's source.
SPARSE = 8


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the example's files."""
    return EXAMPLE


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema(EXAMPLE / "schema.yaml")


@pytest.fixture(scope="session")
def beyond() -> Beyond:
    return load_beyond(EXAMPLE / "expectations" / "suite.yaml")


@pytest.fixture(scope="session")
def real_params() -> Params:
    return load_params(EXAMPLE / "params.yaml")


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
    shutil.copy(EXAMPLE / "schema.yaml", folder)
    shutil.copytree(EXAMPLE / "expectations", folder / "expectations")
    for code in (ROOT / "src" / "lifecycle", EXAMPLE / "project"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(code, folder / "src" / code.name, ignore=ignored)
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


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which nothing is, as making one takes a second."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store.ensure(root)
    return root / "mlflow.db"


@pytest.fixture(scope="session")
def records(schema: Schema) -> list[Record]:
    """Records that the schema allows, as clients send them."""
    return draw_records(schema, 300, seed=1)


@pytest.fixture(scope="session")
def draw_more(schema: Schema) -> Callable[[int], list[Record]]:
    """Draw records that the model was not fitted on."""
    return lambda count: draw_records(schema, count, seed=2)


@pytest.fixture(scope="session")
def release(
    tmp_path_factory: pytest.TempPathFactory,
    schema: Schema,
    real_params: Params,
    records: list[Record],
) -> Path:
    """A release folder as `package` writes it, of a model fitted on the records above."""
    folder = tmp_path_factory.mktemp("release")
    write_release(folder, schema, real_params, records)
    return folder


@pytest.fixture(scope="session")
def application(release: Path) -> Callable[[], Any]:
    """Make the service's ASGI application, with the environment as it then is."""
    from lifecycle.serving.service import build_service

    def make() -> Any:
        # Each application registers its metrics anew; a process that serves makes only one.
        registry = prometheus_client.REGISTRY
        for collector in list(registry._collector_to_names):
            registry.unregister(collector)
        return build_service(release).to_asgi()

    return make


@pytest.fixture(scope="session")
def client(
    application: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of the service in development, where no key is needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIFECYCLE_ENVIRONMENT", "development")
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path_factory.mktemp("metrics")))
        with TestClient(application(), raise_server_exceptions=False) as running:
            yield running


@pytest.fixture
def good(records: list[Record]) -> dict[str, Any]:
    """A body that is answered, to be spoilt by the test."""
    body: dict[str, Any] = json.loads(json.dumps({"records": records[:2], "explain": False}))
    return body


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is a project's, and the cwd."""
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", CODE)
    return tmp_path
