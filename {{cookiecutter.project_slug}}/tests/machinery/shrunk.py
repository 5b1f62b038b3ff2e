"""The example made small: its parameters, and a release of a tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from drawn import Record
from folders import EXAMPLE

from lifecycle.contract import features, files
from lifecycle.contract.columns import Schema
from lifecycle.core import frames
from lifecycle.core.params import Params
from lifecycle.serving.request import record_model, to_arrays
from project import model


def shrink(params: Params) -> Params:
    """Return the real parameters with fewer months, trees and draws.

    What so few rows cannot reach, the gate does not ask: those limits are tested one by one.
    """
    months = params.data.dates.months[-2:]
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


def write_release(folder: Path, schema: Schema, params: Params, records: list[Record]) -> None:
    """Fill a release folder as `package` does, with a model fitted on `records`."""
    kind = record_model(schema)
    request = to_arrays([kind.model_validate(r) for r in records], schema)
    label = np.random.default_rng(1).random(len(records)) < 0.3
    learnt = features.fit(schema, features.learnt(schema), request, label.astype(float))
    columns, names = features.on_arrays(schema, request, learnt), features.names(schema)
    categories = frames.categories(columns, {})
    small = params.train.model_copy(update={"maximum_trees": 20, "minimum_child_weight": 1.0})
    content = model.fit(columns, label, names, categories, small).to_bytes(learnt)
    (folder / "model.ubj").write_bytes(content)
    (folder / "schema.yaml").write_bytes((EXAMPLE / "schema.yaml").read_bytes())
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
