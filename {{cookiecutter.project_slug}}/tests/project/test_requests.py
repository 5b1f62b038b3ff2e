"""Each request in tests/project/requests is one that the service takes."""

from __future__ import annotations

import json
from pathlib import Path

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params
from lifecycle.serving.request import record_model


def test_every_example_is_a_request(root: Path, schema: Schema, params: Params) -> None:
    model = record_model(schema)
    for path in sorted((root / "tests" / "project" / "requests").glob("*.json")):
        records = json.loads(path.read_text(encoding="utf-8"))["records"]
        assert 0 < len(records) <= params.serve.maximum_rows, path.name
        for record in records:
            model.model_validate(record)
