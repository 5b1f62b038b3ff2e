"""The model of an answer: what the task makes of each row, and who answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, create_model

from lifecycle.contract.columns import CONTRIBUTIONS, FIGURES
from lifecycle.contract.outcome.outcome import Deciding, Outcome


def decision(prediction: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an answer decides on one row, by the name of its field.

    Every field that is no figure is a decision, whatever its type: who compares two versions must
    not lose sight of one because it is no yes or no.
    """
    return {name: prediction[name] for name in prediction if name not in FIGURES}


def known_answers(smoke: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the pipeline answers to a smoke request, of old only probabilities."""
    answers: list[dict[str, Any]] | None = smoke.get("answers")
    return [{"probability": one} for one in smoke["probabilities"]] if answers is None else answers


def departures(answer: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """Return the fields in which an answer is not what is known, to the last bit."""
    return [name for name, value in known.items() if name not in answer or answer[name] != value]


def differs(
    outcome: Outcome, deciding: Deciding, one: Mapping[str, Any], other: Mapping[str, Any]
) -> bool:
    """Say whether two rows are decided otherwise, or say it in other fields or other types."""
    if one.keys() != other.keys():
        return True
    pairs = [(one[name], other[name]) for name in one]
    return any(
        not (type(a) is type(b) or {type(a), type(b)} == {int, float})
        or not outcome.is_same(a, b, deciding)
        for a, b in pairs
    )


def answer_model(outcome: Outcome, base: type[BaseModel]) -> type[BaseModel]:
    """Return the model of the answer; the decision carries the target's name."""
    added = "What each feature adds to the decision (its SHAP value), and the bias; with explain."
    contributions: Any = (dict[str, float] | None, Field(None, description=added))
    one: dict[str, Any] = {**outcome.fields(), CONTRIBUTIONS: contributions}
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
