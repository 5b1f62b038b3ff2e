"""The section of params.yaml for the replay of months."""

from __future__ import annotations

from lifecycle.contract.section import Count, Section


class Replay(Section):
    """How real months are played through the service."""

    holdout_days: Count
    rows_per_request: Count
    connections: Count


SECTIONS = {"replay": Replay}
