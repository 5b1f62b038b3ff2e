"""The real schema and parameters, a tiny model, and the service's ASGI application in process."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import prometheus_client
import pytest
from service.served import behind_the_proxy, serving
from starlette.testclient import TestClient

from lifecycle.contract import features, files
from lifecycle.contract.columns import Column, Schema, load_schema
from lifecycle.core.params import Params, load_params
from lifecycle.serving.request import record_model, to_arrays
from project import model

ROOT = Path(__file__).parents[2]
Record = dict[str, Any]


def draw(column: Column, chance: random.Random) -> Any:
    """Return one value that the column allows, as JSON has it."""
    if chance.random() < min(column.null_share, 0.5):
        return None
    low, high = column.minimum or 0, 100 if column.maximum is None else column.maximum
    if column.type == "datetime":
        return (datetime(2013, 1, 1) + timedelta(minutes=chance.randrange(525_600))).isoformat()
    if column.type == "category":
        return chance.choice(column.categories)
    if column.type == "boolean":
        return chance.random() < 0.5
    if column.type == "integer":
        return chance.randint(int(low), int(high))
    return chance.uniform(low, high) if column.type == "float" else "text"


def draw_records(schema: Schema, count: int, seed: int) -> list[Record]:
    """Return records that the schema allows."""
    chance = random.Random(seed)
    return [{name: draw(schema[name], chance) for name in schema.request} for _ in range(count)]


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema(ROOT / "schema.yaml")


@pytest.fixture(scope="session")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def records(schema: Schema) -> list[Record]:
    return draw_records(schema, 300, seed=1)


@pytest.fixture(scope="session")
def draw_more(schema: Schema) -> Callable[[int], list[Record]]:
    """Draw records that the model was not fitted on."""
    return lambda count: draw_records(schema, count, seed=2)


@pytest.fixture(scope="session")
def release(
    tmp_path_factory: pytest.TempPathFactory,
    schema: Schema,
    params: Params,
    records: list[Record],
) -> Path:
    """A release folder as `package` writes it, of a model fitted on the records above."""
    folder = tmp_path_factory.mktemp("release")
    kind = record_model(schema)
    columns = features.on_arrays(
        schema, to_arrays([kind.model_validate(r) for r in records], schema)
    )
    names = features.names(schema)
    label = np.random.default_rng(1).random(len(records)) < 0.3
    categories = model.category_codes(
        {
            n: list(columns[n])
            for n in names
            if n in schema.names("feature") and schema[n].type == "category"
        },
        {},
    )
    small = params.train.model_copy(update={"maximum_trees": 20, "minimum_child_weight": 1.0})
    model.fit(columns, label, names, categories, small).booster.save_model(folder / "model.ubj")
    (folder / "schema.yaml").write_bytes((ROOT / "schema.yaml").read_bytes())
    facts = {
        "name": "tiny",
        "model_version": "3",
        "model_md5": files.md5(folder / "model.ubj"),
        "git_commit": "0" * 40,
        "gate_verdict": "pass",
        "threshold": params.evaluate.threshold,
        "maximum_rows": params.serve.maximum_rows,
        "maximum_body_bytes": params.serve.maximum_body_bytes,
        "timeout_seconds": params.serve.timeout_seconds,
        "prediction_log": params.prediction_log.model_dump(),
    }
    files.write_json(folder / "release.json", facts)
    smoke = {"request": {"records": records[:3]}, "probabilities": [0.0, 0.0, 0.0]}
    files.write_json(folder / "smoke.json", smoke)
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


@pytest.fixture(scope="session")
def service_port(
    release: Path, params: Params, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of a real worker behind the real proxy; see `served` for its keys."""
    folder = tmp_path_factory.mktemp("hostile")
    with serving(release, folder) as worker, behind_the_proxy(params, worker, folder) as found:
        yield found
