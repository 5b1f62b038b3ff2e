"""Which part of the traffic this worker answers: live, canary, or what our own programs ask.

`deploy` writes who is who to ROUTING_FILE; a worker finds itself there by WORKER_NAME.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lifecycle.contract.watched import Watched

# The proxy takes this header from what clients send, so only our own programs can send it.
VARIANT_HEADER = "X-Lifecycle-Variant"
LIVE, CANARY, SHADOW, PROBE = "live", "canary", "shadow", "probe"
VARIANTS = (LIVE, CANARY, SHADOW, PROBE)
LOOK_SECONDS = 0.2


class Shadow(BaseModel):
    """The candidate that gets copies of this share of the live requests."""

    model_config = ConfigDict(frozen=True)

    name: str
    socket: str
    share: float = 1.0


class Routing(BaseModel):
    """Who is who; keys that a later release adds are none of this worker's business."""

    model_config = ConfigDict(frozen=True)

    live: str | None = None
    canary: str | None = None
    shadow: Shadow | None = None


NOBODY = Routing()


class Router:
    """What the routing file says about this worker."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Find the file and this worker's name."""
        self.name = environment.get("WORKER_NAME", "")
        path = environment.get("ROUTING_FILE")
        self._file = (
            Watched(Path(path), LOOK_SECONDS, Routing.model_validate_json, NOBODY) if path else None
        )

    def _routing(self) -> Routing:
        return NOBODY if self._file is None else self._file.value

    def variant(self, asked: str) -> str:
        """Return the variant of a request whose header says `asked` ("" without one)."""
        if asked in (SHADOW, PROBE):
            return asked
        canary = self._routing().canary
        return CANARY if canary and canary == self.name else LIVE

    def shadow(self) -> Shadow | None:
        """Return who gets copies of what this worker answers: nobody, unless it is the live one."""
        routing = self._routing()
        shadow = routing.shadow
        mine = shadow is not None and routing.live == self.name != shadow.name
        return shadow if mine else None
