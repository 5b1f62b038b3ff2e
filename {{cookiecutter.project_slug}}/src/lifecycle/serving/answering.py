"""From a validated request to its answer: predicted, counted, logged, and copied to a candidate.

Requests that arrive in the same turn of the event loop share one call of the model: nobody waits
for company, and rows are independent, so the numbers are those of a call alone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel

from lifecycle.contract.columns import CONTRIBUTIONS, Schema
from lifecycle.contract.outcome import chosen
from lifecycle.contract.privacy import Privacy
from lifecycle.serving.body import RefusalError
from lifecycle.serving.instruments import Figures, Instruments
from lifecycle.serving.log_lines import Lines
from lifecycle.serving.mirror import Mirror
from lifecycle.serving.prediction_log import Writer
from lifecycle.serving.predictor import Predicted, Predictor, Release
from lifecycle.serving.routing import SHADOW, Router
from lifecycle.serving.turn import Turn

NO_ATTRIBUTIONS = "this kind of model has no attributions: leave explain out"
# A request of more rows gains nothing from company, and would make the others wait.
SHARING_ROWS = 32


class Request(NamedTuple):
    """A validated request, and who it is from."""

    identity: str
    variant: str
    records: Sequence[BaseModel]
    explain: bool


class Answering:
    """Everything that a worker has once: the model, what it counts, its log, its mirror."""

    predictor: Predictor
    instruments: Instruments

    def __init__(self, folder: Path, schema: Schema, release: Release) -> None:
        """Load nothing yet."""
        self.schema, self.release, self.router = schema, release, Router()
        self._folder = folder
        self._log: Writer | None = None

    def start(self, body: type[BaseModel]) -> None:
        """Load the model and open the log."""
        release = self.release
        lines = Lines(release.model_version, Privacy(self.schema), chosen.of(self.schema).score)
        self.predictor = Predictor(self._folder, self.schema, release)
        self.predictor.warm_up(body)
        model = self.predictor.model
        outcome = self.predictor.outcome
        self.instruments = Instruments(model.names, model.codes, outcome, release)
        self._turn = Turn(self.predictor.predict)
        self._mirror = Mirror(self.instruments, outcome, release)
        self._lines = lines
        if place := os.environ.get("PREDICTION_LOG"):
            lost = self.instruments.log_failures.inc
            self._log = Writer(Path(place), release.prediction_log, lost)

    async def close(self) -> None:
        """Stop the mirror and close the log."""
        await self._mirror.close()
        if self._log is not None:
            await asyncio.to_thread(self._log.close)

    def figures(self, variant: str) -> Figures:
        """Return what is counted of a variant."""
        return self.instruments.of(variant)

    async def answer(self, request: Request) -> tuple[bytes, list[Any]]:
        """Return the answer's body and the decisions in it; counted and logged."""
        predicted = await self._predicted(request)
        self.figures(request.variant).predicted(predicted)
        if self._log is not None:
            for line in self._lines.predictions(
                request.identity, request.variant, request.records, predicted
            ):
                self._log.add(line)
        return self._content(request.identity, predicted), predicted.decisions

    def refused(self, identity: str, variant: str, refusal: RefusalError) -> None:
        """Count and log a request to predict that is refused."""
        self.figures(variant).answered(refusal.status, None)
        # Whoever has no key cannot fill the disk.
        if self._log is not None and refusal.status != 401:
            self._log.add(self._lines.refusal(identity, refusal))

    def mirrored(
        self,
        request: Request,
        body: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        decisions: list[Any],
    ) -> None:
        """Hand a copy of an answered request to the mirror, where there is a candidate."""
        candidate = self.router.shadow()
        if candidate is not None and request.variant != SHADOW:
            decided = [{self.schema.target: one} for one in decisions]
            self._mirror.offer(candidate, body, headers, request.identity, decided)

    async def _predicted(self, request: Request) -> Predicted:
        if not request.explain:
            if len(request.records) > SHARING_ROWS:
                return self.predictor.predict(request.records)
            return await self._turn.predict(request.records)
        seconds = 2 * self.release.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                # Takes a millisecond a row: other requests go on meanwhile.
                found = await asyncio.to_thread(self.predictor.predict, request.records, True)
        except TimeoutError:
            raise RefusalError(504, f"not explained in {seconds:g} s: ask for less") from None
        if found.contributions is None:
            raise RefusalError(400, NO_ATTRIBUTIONS, [("explain", NO_ATTRIBUTIONS)])
        return found

    def _content(self, identity: str, predicted: Predicted) -> bytes:
        answers = self.predictor.outcome.answers(
            predicted.values, predicted.decisions, self.release
        )
        if predicted.contributions is not None:
            for answer, contributions in zip(answers, predicted.contributions, strict=True):
                answer[CONTRIBUTIONS] = contributions
        version = self.release.model_version
        return orjson.dumps(
            {"model_version": version, "request_id": identity, "predictions": answers}
        )
