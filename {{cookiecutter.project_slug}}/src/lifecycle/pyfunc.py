"""The model as MLflow loads it: the request's columns by name in, probabilities out.

MLflow runs this file when it loads the model ("models from code"), so nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import polars as pl

from lifecycle import features
from lifecycle.columns import load_schema
from lifecycle.model import Model
from lifecycle.prepare import arrays


class RequestModel(mlflow.pyfunc.PythonModel):
    """Features and model behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Load the model and the schema that were logged with it."""
        self.schema = load_schema(Path(context.artifacts["schema"]))
        self.model = Model.load(Path(context.artifacts["model"]))

    # No type hints: MLflow takes those of `predict` for the model's signature.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Return the probability of each row of a pandas frame."""
        frame = features.on_frame(self.schema, pl.from_pandas(model_input))
        return self.model.predict(arrays(frame, features.names(self.schema))).astype(float)


mlflow.models.set_model(RequestModel())
