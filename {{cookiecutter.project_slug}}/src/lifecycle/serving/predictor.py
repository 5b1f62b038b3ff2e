"""The model of one release folder: validated records in, predictions out.

A release folder holds model.ubj, schema.yaml, release.json and smoke.json, as `package` wrote
them.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.features import Arrays
from lifecycle.contract.files import md5
from lifecycle.contract.operations import PredictionLog
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import Deciding, Scores
from lifecycle.contract.section import parse
from lifecycle.serving.request import to_arrays

if TYPE_CHECKING:
    from lifecycle.contract.model_file import Model


class Release(Deciding):
    """Which model this is, what it decides by, and what the service accepts."""

    name: str
    model_version: str
    model_md5: str
    git_commit: str
    # Nothing else is ever served.
    gate_verdict: Literal["pass"]
    maximum_rows: int = Field(ge=1)
    maximum_body_bytes: int = Field(ge=1)
    timeout_seconds: float = Field(gt=0)
    prediction_log: PredictionLog


def load_release(folder: Path) -> Release:
    """Read release.json (JSON is YAML as well, so the same parser names its mistakes)."""
    release = parse(Release, folder / "release.json")
    assert isinstance(release, Release)
    return release


@dataclass(frozen=True)
class Predicted:
    """What was computed for some rows, in their order."""

    # By name, as the model reads them: what is missing is None or NaN.
    features: list[dict[str, Any]]
    scores: Scores
    # The scores as lists: answer, log and figures are made of these.
    values: list[Any]
    decisions: list[Any]
    # Only when asked for, and where this kind of model has them.
    contributions: list[dict[str, float]] | None = None

    def part(self, begin: int, end: int) -> Predicted:
        """Return the rows from `begin` up to `end`."""
        rows = slice(begin, end)
        contributions = self.contributions[rows] if self.contributions is not None else None
        return Predicted(
            self.features[rows], self.scores[rows], self.values[rows], self.decisions[rows],
            contributions,
        )  # fmt: skip


class Predictor:
    """The model of a release: records in, predictions out."""

    def __init__(self, folder: Path, schema: Schema, release: Release) -> None:
        """Load the model and check that it reads the features that this code computes."""
        from lifecycle.contract import (
            model_file,  # imports the model's library, which building a Bento does not need
        )

        self.folder, self.schema, self.release = folder, schema, release
        self.outcome = chosen.of(schema)
        self.outcome.require(release)
        if (found := md5(folder / "model.ubj")) != release.model_md5:
            raise StageError(
                f"{folder}: the model is {found}, and release.json names {release.model_md5}"
            )
        self.model: Model = model_file.load(folder / "model.ubj")
        self.features = features.Features(schema, self.model.fitted)
        if set(self.model.names) - set(self.features.names):
            raise StageError(f"{folder}: the model reads features that features.py does not make")

    def warm_up(self, body: type[BaseModel]) -> None:
        """Predict the smoke request once, then tell the collector that all this is here to stay."""
        smoke = json.loads((self.folder / "smoke.json").read_text(encoding="utf-8"))
        request: Any = body.model_validate(smoke["request"])
        self.predict(request.records, explain=True)
        gc.collect()
        gc.freeze()

    def predict(self, records: Sequence[BaseModel], explain: bool = False) -> Predicted:
        """Return the prediction of each record; float32 as it is, so no digit is lost."""
        columns = self.features.on_arrays(to_arrays(records, self.schema))
        scores = self.model.predict(columns)
        values = zip(*(columns[name].tolist() for name in self.model.names), strict=True)
        return Predicted(
            features=[dict(zip(self.model.names, row, strict=True)) for row in values],
            scores=scores,
            values=scores.tolist(),
            decisions=self.outcome.decide(scores, self.release),
            contributions=self._contributions(columns, scores) if explain else None,
        )

    def _contributions(self, columns: Arrays, scores: Scores) -> list[dict[str, float]] | None:
        names, found = [*self.model.names, "bias"], self.model.contributions(columns)
        if found is None:
            return None
        picked = self.outcome.contributions(found, scores)
        return [dict(zip(names, values, strict=True)) for values in picked.tolist()]
