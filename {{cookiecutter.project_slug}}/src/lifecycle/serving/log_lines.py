"""What the prediction log says: one line a predicted row, one line a refused request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel

from lifecycle.contract.outcome.outcome import DECISION, Part
from lifecycle.contract.privacy import Privacy
from lifecycle.serving.body import RefusalError
from lifecycle.serving.predictor import Predicted


def now() -> str:
    """Return the time, in UTC, as every line has it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Lines:
    """Makes the lines of one model version."""

    def __init__(self, model_version: str, privacy: Privacy, score: Part) -> None:
        """Keep what every line needs."""
        self._version, self._privacy, self._score = model_version, privacy, score.name

    def predictions(
        self, identity: str, variant: str, records: Sequence[BaseModel], predicted: Predicted
    ) -> Iterator[bytes]:
        """Return a line for each row of an answered request."""
        moment, privacy, scores = now(), self._privacy, predicted.values
        for row, record in enumerate(records):
            line: dict[str, Any] = {
                "kind": "prediction",
                "time": moment,
                "request_id": identity,
                "row": row,
                "model_version": self._version,
                "variant": variant,
                "received": privacy.received(record.__dict__),
                # A NaN becomes null.
                "features": privacy.computed(predicted.features[row]),
                self._score: scores[row],
                DECISION: predicted.decisions[row],
            }
            if predicted.contributions is not None:
                line["contributions"] = privacy.explained(predicted.contributions[row])
            yield orjson.dumps(line)

    def refusal(self, identity: str, refusal: RefusalError) -> bytes:
        """Return the line of a refused request: which fields were wrong, never their values."""
        line = {
            "kind": "refusal",
            "time": now(),
            "request_id": identity,
            "model_version": self._version,
            "status": refusal.status,
            "fields": [detail["field"] for detail in refusal.details],
            "error": refusal.error,
        }
        return orjson.dumps(line)
