"""The model as MLflow loads it: the request's columns by name in, scores out.

MLflow runs this file when it loads the model ("models from code"), so nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import polars as pl

from lifecycle.contract import features, model_file
from lifecycle.contract.columns import load_schema
from lifecycle.core.frames import arrays


class RequestModel(mlflow.pyfunc.PythonModel):
    """Features and model behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Load the model and the schema that were logged with it."""
        schema = load_schema(Path(context.artifacts["schema"]))
        self.model = model_file.load(Path(context.artifacts["model"]))
        self.features = features.Features(schema, self.model.fitted)

    # MLflow reads this hint: a frame is what leaves the signature to the schema.
    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """Return the scores of each row of a pandas frame."""
        frame = self.features.on_frame(pl.from_pandas(model_input))
        return self.model.predict(arrays(frame, self.features.names)).astype(float)


mlflow.models.set_model(RequestModel())
