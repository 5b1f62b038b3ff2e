"""The service: a thin BentoML class around the predictor of one release folder.

`build_service` reads the folder's small files; the model is loaded where the service starts.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import Any

import bentoml
from pydantic import ConfigDict
from starlette.responses import Response

from lifecycle.contract import seal
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.answer import answer_model
from lifecycle.contract.privacy import hash_key
from lifecycle.serving.answering import Answering, Request
from lifecycle.serving.entrance import PREDICT, Entrance, request_id
from lifecycle.serving.guard import Guard
from lifecycle.serving.keys import are_needed, environment_keys
from lifecycle.serving.openapi import document
from lifecycle.serving.predictor import Release, load_release
from lifecycle.serving.refusal import recorded
from lifecycle.serving.request import request_model
from lifecycle.serving.routing import PROBE


class Body(bentoml.IODescriptor):
    """What a request may hold: the columns of schema.yaml and nothing else."""

    model_config = ConfigDict(extra="forbid")


@recorded()
def check(schema: Schema) -> None:
    """Refuse to start without the secrets that the environment has to give.

    Raises:
        StageError: which one is missing.
    """
    environment_keys()
    hash_key(schema)


def count_in_memory() -> None:
    """Keep the metrics in memory where one process counts them all, as under `deploy`.

    In files, as BentoML has them for several processes, they are mapped into memory: where the disk
    is full, the system ends a process that touches them. Those of the dead would stay as well.
    """
    if "WORKER_NAME" not in os.environ:
        return
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    # Read when Prometheus' client is imported, which is not before here.
    os.environ.setdefault("PROMETHEUS_DISABLE_CREATED_SERIES", "true")
    from bentoml._internal.container import BentoMLContainer
    from bentoml._internal.server.metrics.prometheus import PrometheusClient

    BentoMLContainer.metrics_client.set(PrometheusClient(multiproc=False))


class EnteredService(bentoml.Service):
    """BentoML's service behind our guard, with our routes in its OpenAPI document."""

    guard: dict[str, Any]
    # The folder whose manifest holds, or None where a test has no Bento around the release.
    sealed: Path | None = None

    @recorded()
    def to_asgi(self, is_main: bool = True) -> Any:
        """Return the application that servers run."""
        check(self.guard["answering"].schema)
        if self.sealed is not None:
            seal.require(self.sealed)
        count_in_memory()
        return Entrance(Guard(super().to_asgi(is_main=is_main), **self.guard))

    @property
    def openapi_spec(self) -> Any:
        """Return the OpenAPI document."""
        version = self.labels["model_version"]
        return document(super().openapi_spec, self.description, version, are_needed())


def _settings(release: Release) -> dict[str, Any]:
    return {
        "workers": 1,
        # BentoML keeps some kilobytes of every request for as long as this.
        "traffic": {"timeout": 2 * release.timeout_seconds},
        "logging": {"access": {"enabled": False}},
    }


def _service_class(answering: Answering, body: Any, answer: Any) -> type:
    """Return the class that BentoML serves; the model is loaded where it starts."""

    class Service:
        """Predictions of one pinned model version."""

        @recorded()
        def __init__(self) -> None:
            answering.start(body)

        @bentoml.on_deployment
        @staticmethod
        def check_keys() -> None:
            """Refuse to start where a key is needed and none is configured."""
            try:
                check(answering.schema)
            except StageError as error:
                sys.exit(f"serve: {error}")

        @bentoml.on_shutdown
        async def close(self) -> None:
            """Write what the log still holds."""
            await answering.close()

        @bentoml.api(route=PREDICT, input_spec=body, output_spec=answer)
        async def predict(self, records: list[Any], explain: bool = False) -> Response:
            """Predict each record."""
            # For whoever calls it in this process: what comes by HTTP the guard has answered.
            identity = request_id.get() or str(uuid.uuid4())
            content, _ = await answering.answer(Request(identity, PROBE, records, explain))
            return Response(content, media_type="application/json")

    return Service


def build_service(folder: Path, sealed: Path | None = None) -> Any:
    """Return the BentoML service of a release folder; nothing is loaded before it starts.

    It starts only while every file below `sealed` is as it was packaged.
    """
    release, schema = load_release(folder), load_schema(folder / "schema.yaml")
    body = request_model(schema, release.maximum_rows, Body)
    answer = answer_model(chosen.of(schema), bentoml.IODescriptor)
    answering = Answering(folder, schema, release)
    decorate = bentoml.service(
        name=release.name,
        description=f"Predicts {schema.target}: {schema[schema.target].description}.",
        labels={"model_version": release.model_version, "model_md5": release.model_md5},
        service_class=EnteredService,
        **_settings(release),
    )
    service = decorate(_service_class(answering, body, answer))
    about = {
        "name": release.name,
        "version": release.model_version,
        "model_md5": release.model_md5,
        "git_commit": release.git_commit,
    }
    service.sealed = sealed
    service.guard = {"model": body, "about": about, "answering": answering}
    return service
