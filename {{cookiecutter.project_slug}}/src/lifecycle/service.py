"""The service: a thin BentoML class around the model of one release folder.

A release folder holds model.ubj, schema.yaml, release.json and smoke.json, as `package` wrote
them. `build_service` reads the small ones; the model is loaded where the service starts.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml
import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from lifecycle import features
from lifecycle.columns import Schema, load_schema
from lifecycle.command import StageError
from lifecycle.guard import MODEL, PREDICT, VALIDATED, Guard, environment_keys, request_id
from lifecycle.openapi import document
from lifecycle.params import Section, parse
from lifecycle.request import answer_model, request_model, to_arrays

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


class Body(bentoml.IODescriptor):
    """A body that the guard has read and validated: the endpoint does neither again."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    async def from_http_request(cls, request: Any, serde: Any) -> Any:
        """Return what the guard left in the request's scope."""
        return request.scope[VALIDATED]


class DocumentedService(bentoml.Service[Any]):
    """BentoML's service with our own statuses and routes in its OpenAPI document."""

    @property
    def openapi_spec(self) -> Any:
        """Return the OpenAPI document."""
        return document(super().openapi_spec)


class Predictor:
    """The model of a release: records in, predictions out."""

    def __init__(self, folder: Path, schema: Schema, release: Release) -> None:
        """Load the model and check that it reads the features that this code computes."""
        from lifecycle.model import Model  # imports XGBoost, which building a Bento does not need

        self.schema, self.release = schema, release
        self.model: Model = Model.load(folder / "model.ubj")
        if set(self.model.names) - set(features.names(schema)):
            raise StageError(f"{folder}: the model reads features that features.py does not make")

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


def _settings(release: Release) -> dict[str, Any]:
    return {
        "workers": 1,
        # BentoML keeps some kilobytes of every request for as long as this.
        "traffic": {"timeout": 2 * release.timeout_seconds},
        "logging": {"access": {"enabled": False}},
        "tracing": {"excluded_urls": PREDICT.lstrip("/")},
    }


def build_service(folder: Path) -> bentoml.Service[Any]:
    """Return the BentoML service of a release folder; nothing is loaded before it starts."""
    release, schema = load_release(folder), load_schema(folder / "schema.yaml")
    body = request_model(schema, release.maximum_rows, Body)
    answer = answer_model(schema.target, bentoml.IODescriptor)

    class Service:
        """Predictions of one pinned model version."""

        def __init__(self) -> None:
            self.predictor = Predictor(folder, schema, release)
            smoke = json.loads((folder / "smoke.json").read_text(encoding="utf-8"))
            warm = body.model_validate(smoke["request"])
            self.predictor.predict(warm.records, explain=True)  # type: ignore[attr-defined]
            # What lives now lives for good: the collector need not look at it at each request.
            gc.collect()
            gc.freeze()

        @bentoml.on_deployment
        @staticmethod
        def check_keys() -> None:
            """Refuse to start where a key is needed and none is configured."""
            try:
                environment_keys()
            except StageError as error:
                sys.exit(f"serve: {error}")

        @bentoml.api(route=PREDICT, input_spec=body, output_spec=answer)
        async def predict(self, records: list[Any], explain: bool = False) -> Response:
            """Predict each record."""
            if explain:
                # Takes a millisecond a row: other requests go on meanwhile.
                answers = await asyncio.to_thread(self.predictor.predict, records, True)
            else:
                answers = self.predictor.predict(records, False)
            content = {
                "model_version": release.model_version,
                "request_id": request_id.get() or str(uuid.uuid4()),
                "predictions": answers,
            }
            return Response(orjson.dumps(content), media_type="application/json")

    service: bentoml.Service[Any] = bentoml.service(
        name=release.name, service_class=DocumentedService, **_settings(release)
    )(Service)
    about = {
        "name": release.name,
        "version": release.model_version,
        "model_md5": release.model_md5,
        "git_commit": release.git_commit,
    }
    service.add_asgi_middleware(
        Guard,
        model=body,
        about=about,
        maximum_body_bytes=release.maximum_body_bytes,
        body_seconds=release.timeout_seconds,
    )
    return service
