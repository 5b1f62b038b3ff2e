"""What is yours, as it is: schema.yaml, params.yaml and the source's rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import fetch, ingest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema(ROOT / "schema.yaml")


@pytest.fixture(scope="session")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def snapshot(
    tmp_path_factory: pytest.TempPathFactory, params: Params, schema: Schema
) -> pl.DataFrame:
    """Every row of the window of params.yaml, as ingest reads it."""
    folder = tmp_path_factory.mktemp("source")
    fetch.fetch(params.data.source, folder, ROOT)
    return ingest.ingest(folder, params, schema)[0]
