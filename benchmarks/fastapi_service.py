"""The yardstick of benchmarks/serving.py: the same model behind a minimal FastAPI application.

What a careful person writes in an hour: FastAPI's own validation by the same request model, the
project's features on plain values, one call of the model. No log, no metrics, no keys, no limits.
`RELEASE` names the release folder; `PYTHONPATH` has the project's `lifecycle`.
"""

import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from lifecycle.contract import features
from lifecycle.contract.columns import load_schema
from lifecycle.serving.predictor import load_release
from lifecycle.serving.request import request_model, to_arrays
from project.model import Model
from pydantic import BaseModel

folder = Path(os.environ["RELEASE"])
release, schema = load_release(folder), load_schema(folder / "schema.yaml")
model = Model.load(folder / "model.ubj")
Body: Any = request_model(schema, release.maximum_rows, BaseModel)
application = FastAPI()
gc.collect()
gc.freeze()


@application.post("/v1/predict")
async def predict(body: Body) -> dict[str, Any]:
    """Predict each record."""
    columns = features.on_arrays(schema, to_arrays(body.records, schema))
    probabilities = model.predict(columns)
    decisions = probabilities >= np.float32(release.threshold)
    pairs = zip(probabilities.tolist(), decisions.tolist(), strict=True)
    return {
        "model_version": release.model_version,
        "predictions": [{"probability": p, schema.target: d} for p, d in pairs],
    }
