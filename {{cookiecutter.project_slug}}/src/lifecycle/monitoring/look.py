"""One look at an environment: what is looked at, what it is compared with, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.contract.privacy import logged_features
from lifecycle.core.params import Params
from lifecycle.monitoring.alerts import Alert
from lifecycle.monitoring.predictions import Log
from lifecycle.monitoring.windows import Window
from lifecycle.pipeline.reference import FEATURE
from lifecycle.records import registry
from lifecycle.records.artefact import fetch_evaluation, fetch_reference
from lifecycle.records.deployment import Deployment
from lifecycle.rollout.deploy import alias

SERVED = ("live", "canary")


@dataclass(frozen=True)
class Champion:
    """The version that serves, and what it is compared with."""

    version: registry.Version
    tag: str | None
    reference: pl.DataFrame
    evaluation: dict[str, Any]

    def own(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that this version predicted."""
        return rows.filter(pl.col("model_version") == str(self.version.number))


@dataclass
class Look:
    """What is looked at, and what was found."""

    root: Path
    params: Params
    schema: Schema
    environment: str
    log: Log
    rows: pl.DataFrame
    windows: list[Window]
    champion: Champion | None = None
    sentences: list[str] = field(default_factory=list)
    # What could not be looked at though it is there: then nothing is healthy.
    obstacles: list[str] = field(default_factory=list)
    not_judged: dict[str, str] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    # What was measured in each window, in the same order.
    found: list[dict[str, Any]] = field(default_factory=list)
    objectives: dict[str, Any] = field(default_factory=dict)
    refusals: dict[str, Any] = field(default_factory=dict)

    def skip(self, check: str, why: str) -> None:
        """Note that something is not judged, and why."""
        self.not_judged[check] = why
        self.sentences.append(f"{check} is not judged: {why}")


def served(log: Log) -> pl.DataFrame:
    """Return the predictions that clients got: no shadow, no probe."""
    return log.predictions.filter(pl.col("variant").is_in(SERVED))


def champion(root: Path, params: Params, name: str) -> Champion:
    """Return the version that serves an environment; while nothing is deployed, the champion.

    Raises:
        StageError: there is none, or its reference is not to be had.
    """
    versions, live = registry.connect(root, params), Deployment(root, name).load().live
    version = versions.get(live.version) if live else versions.by_alias(alias(name))
    if version is None:
        raise StageError("no version serves", "run `make release` and `make deploy`")
    reference = pl.read_parquet(fetch_reference(root, version.tags), glob=False)
    evaluation = read_json(fetch_evaluation(root, version.tags))
    return Champion(version, live.tag if live else None, reference, evaluation)


def compared(schema: Schema) -> dict[str, str]:
    """Return the features whose drift is measured, with the names of their columns in the log."""
    private = {column.name for column in schema.columns if column.private}
    return {n: FEATURE + n for n in logged_features(schema) if n not in private}
