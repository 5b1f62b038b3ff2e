"""Requests that arrive in one turn of the event loop share one call of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lifecycle.serving.predictor import Predicted


class Waiting(NamedTuple):
    """The rows of a request, and where their prediction goes."""

    records: Sequence[Any]
    prediction: asyncio.Future[Predicted]


class Turn:
    """The requests of this turn."""

    def __init__(self, predict: Callable[[Sequence[Any]], Predicted]) -> None:
        """Keep what predicts rows."""
        self._predict = predict
        self._waiting: list[Waiting] = []

    def predict(self, records: Sequence[Any]) -> asyncio.Future[Predicted]:
        """Predict `records` at the end of this turn, together with what else has come by then."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._end)
        waiting = Waiting(records, loop.create_future())
        self._waiting.append(waiting)
        return waiting.prediction

    def _end(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            together = self._predict([row for one in waiting for row in one.records])
        except Exception:
            # One that cannot be predicted must not take the others with it.
            for one in waiting:
                self._alone(one)
            return
        begin = 0
        for one in waiting:
            end = begin + len(one.records)
            if not one.prediction.done():
                one.prediction.set_result(together.part(begin, end))
            begin = end

    def _alone(self, one: Waiting) -> None:
        if one.prediction.done():
            return
        try:
            one.prediction.set_result(self._predict(one.records))
        except Exception as error:
            one.prediction.set_exception(error)
