"""The model of one release folder: validated records in, predictions out.

A release folder holds model.ubj, schema.yaml, release.json and smoke.json, as `package` wrote
them.
"""

from __future__ import annotations

import functools
import gc
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, Field

from lifecycle import features
from lifecycle.columns import Schema
from lifecycle.command import StageError
from lifecycle.params import Section, parse
from lifecycle.request import to_arrays

if TYPE_CHECKING:
    from lifecycle.model import Model


class Release(Section):
    """Which model this is, and what the service accepts."""

    name: str
    model_version: str
    model_md5: str
    git_commit: str
    threshold: float = Field(ge=0, le=1)
    maximum_rows: int = Field(ge=1)
    maximum_body_bytes: int = Field(ge=1)
    timeout_seconds: float = Field(gt=0)


def load_release(folder: Path) -> Release:
    """Read release.json (JSON is YAML as well, so the same parser names its mistakes)."""
    release = parse(Release, folder / "release.json")
    assert isinstance(release, Release)
    return release


class Predictor:
    """The model of a release: records in, predictions out."""

    def __init__(self, folder: Path, schema: Schema, release: Release) -> None:
        """Load the model and check that it reads the features that this code computes."""
        from lifecycle.model import Model  # imports XGBoost, which building a Bento does not need

        self.folder, self.schema, self.release = folder, schema, release
        self.model: Model = Model.load(folder / "model.ubj")
        if set(self.model.names) - set(features.names(schema)):
            raise StageError(f"{folder}: the model reads features that features.py does not make")

    def warm_up(self, body: type[BaseModel]) -> None:
        """Predict the smoke request once, then tell the collector that all this is here to stay."""
        smoke = json.loads((self.folder / "smoke.json").read_text(encoding="utf-8"))
        request: Any = body.model_validate(smoke["request"])
        self.predict(request.records, explain=True)
        gc.collect()
        gc.freeze()

    def predict(self, records: Sequence[BaseModel], explain: bool) -> list[dict[str, Any]]:
        """Return the prediction of each record; float32 as it is, so no digit is lost."""
        columns = features.on_arrays(self.schema, to_arrays(records, self.schema))
        for name, count in self.model.unknown(columns).items():
            if count:
                _unknown_counter().labels(feature=name).inc(count)
        probabilities = self.model.predict(columns)
        decisions = probabilities >= np.float32(self.release.threshold)
        target = self.schema.target
        answers: list[dict[str, Any]] = [
            {"probability": probability, target: decision}
            for probability, decision in zip(
                probabilities.tolist(), decisions.tolist(), strict=True
            )
        ]
        if explain:
            names = [*self.model.names, "bias"]
            contributions = self.model.contributions(columns).tolist()
            for answer, values in zip(answers, contributions, strict=True):
                answer["contributions"] = dict(zip(names, values, strict=True))
        return answers


@functools.cache
def _unknown_counter() -> Any:
    # BentoML sets Prometheus up for several processes first.
    from prometheus_client import Counter

    return Counter("lifecycle_unknown_categories", "Values that training did not see", ["feature"])
