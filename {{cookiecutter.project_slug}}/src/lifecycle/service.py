"""The service: a thin BentoML class around the predictor of one release folder.

`build_service` reads the folder's small files; the model is loaded where the service starts.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
import orjson
from pydantic import ConfigDict
from starlette.responses import Response

from lifecycle.columns import load_schema
from lifecycle.command import StageError
from lifecycle.entrance import PREDICT, Entrance, request_id
from lifecycle.guard import VALIDATED, Guard, environment_keys
from lifecycle.openapi import document
from lifecycle.predictor import Predictor, Release, load_release
from lifecycle.request import answer_model, request_model


class Body(bentoml.IODescriptor):
    """A body that the guard has read and validated: the endpoint does neither again."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    async def from_http_request(cls, request: Any, serde: Any) -> Any:
        """Return what the guard left in the request's scope."""
        return request.scope[VALIDATED]


class EnteredService(bentoml.Service):
    """BentoML's service behind our entrance, with our routes in its OpenAPI document."""

    def to_asgi(self, is_main: bool = True) -> Any:
        """Return the application that servers run."""
        return Entrance(super().to_asgi(is_main=is_main))

    @property
    def openapi_spec(self) -> Any:
        """Return the OpenAPI document."""
        return document(super().openapi_spec, self.description, self.labels["model_version"])


def _settings(release: Release) -> dict[str, Any]:
    return {
        "workers": 1,
        # BentoML keeps some kilobytes of every request for as long as this.
        "traffic": {"timeout": 2 * release.timeout_seconds},
        "logging": {"access": {"enabled": False}},
        "tracing": {"excluded_urls": PREDICT.lstrip("/")},
    }


def _service_class(predictor: Callable[[], Predictor], body: Any, answer: Any) -> type:
    """Return the class that BentoML serves; the model is loaded where it starts."""

    class Service:
        """Predictions of one pinned model version."""

        def __init__(self) -> None:
            self.predictor = predictor()
            self.predictor.warm_up(body)

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
                "model_version": self.predictor.release.model_version,
                "request_id": request_id.get() or str(uuid.uuid4()),
                "predictions": answers,
            }
            return Response(orjson.dumps(content), media_type="application/json")

    return Service


def build_service(folder: Path) -> Any:
    """Return the BentoML service of a release folder; nothing is loaded before it starts."""
    release, schema = load_release(folder), load_schema(folder / "schema.yaml")
    body = request_model(schema, release.maximum_rows, Body)
    answer = answer_model(schema.target, bentoml.IODescriptor)
    inner = _service_class(lambda: Predictor(folder, schema, release), body, answer)
    decorate = bentoml.service(
        name=release.name,
        description=f"Predicts {schema.target}: {schema[schema.target].description}.",
        labels={"model_version": release.model_version, "model_md5": release.model_md5},
        service_class=EnteredService,
        **_settings(release),
    )
    service = decorate(inner)
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
