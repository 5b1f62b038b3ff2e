"""What is answered for each row: the model's figures, and beside them what is decided.

Which fields are figures is said here and nowhere else. Every other field is a decision, whatever
its type: who compares two versions must not lose sight of one because it is no yes or no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, create_model

# Two versions differ in these without deciding otherwise.
FIGURES = ("probability", "contributions")


def decision(prediction: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an answer decides on one row, by the name of its field."""
    return {name: prediction[name] for name in prediction if name not in FIGURES}


def answer_model(target: str, base: type[BaseModel]) -> type[BaseModel]:
    """Return the model of the answer; the decision carries the target's name."""
    log_odds = "Log odds that each feature adds (its SHAP value), and the bias; with explain."
    one: dict[str, Any] = {
        "probability": (float, Field(ge=0, le=1, description=f"Probability of {target}.")),
        target: (bool, Field(description="Whether the probability reaches the threshold.")),
        "contributions": (dict[str, float] | None, Field(None, description=log_odds)),
    }
    prediction: Any = create_model("Prediction", **one)
    version = Field(description="Registry version of the model that answered.")
    identity = Field(description="The request's X-Request-ID, or a new one.")
    fields: dict[str, Any] = {
        "model_version": (str, version),
        "request_id": (str, identity),
        "predictions": (list[prediction], Field(description="In the order of the records.")),
    }
    text = "One prediction for each record."
    return create_model("PredictionAnswer", __base__=base, __doc__=text, **fields)
