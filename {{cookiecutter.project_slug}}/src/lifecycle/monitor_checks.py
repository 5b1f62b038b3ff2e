"""The checks of one look: each adds to it what it measured, and the alerts that fire."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle import drift, invariants, quality, registry, skew
from lifecycle.alerts import Alert, fires
from lifecycle.artefact import fetch_evaluation, fetch_reference
from lifecycle.columns import Schema
from lifecycle.command import StageError
from lifecycle.deploy import alias
from lifecycle.deployment import Deployment
from lifecycle.files import md5, read_json
from lifecycle.params import Params
from lifecycle.predictions import Log
from lifecycle.privacy import logged_features
from lifecycle.reference import FEATURE
from lifecycle.suite import load_beyond
from lifecycle.windows import Window

PREDICTION = "probability"
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
    alerts: list[Alert] = field(default_factory=list)
    # What was measured in each window, in the same order.
    found: list[dict[str, Any]] = field(default_factory=list)
    objectives: dict[str, Any] = field(default_factory=dict)
    refusals: dict[str, Any] = field(default_factory=dict)


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
        raise StageError("no version serves: run `make release` and `make deploy`")
    reference = pl.read_parquet(fetch_reference(root, version.tags))
    evaluation = read_json(fetch_evaluation(root, version.tags))
    return Champion(version, live.tag if live else None, reference, evaluation)


def compared(schema: Schema) -> dict[str, str]:
    """Return the features whose drift is measured, with the names of their columns in the log."""
    private = {column.name for column in schema.columns if column.private}
    return {n: FEATURE + n for n in logged_features(schema) if n not in private}


def judge_refusals(look: Look) -> None:
    """Judge refusals among what was asked since the latest window began, or in the whole log."""
    rows, refused = look.rows, look.log.refusals.filter(pl.col("status") == 400)
    if look.windows:
        since = pl.col("logged_at") >= look.windows[-1].rows["logged_at"].min()
        rows, refused = rows.filter(since), refused.filter(since)
    answered, rule = rows["request_id"].n_unique(), look.params.monitor.invariants
    look.refusals, alerts = invariants.refusals(answered, refused, rule)
    look.alerts += alerts


def judge_latest(look: Look, who: Champion) -> None:
    """Check invariants, clock and skew of the latest window, which fires alone."""
    latest, rule, schema = look.windows[-1], look.params.monitor.invariants, look.schema
    beyond = load_beyond(look.root / "expectations" / "suite.yaml")
    broken = invariants.check(latest.rows, schema, beyond, rule)
    look.found[-1]["invariants"] = broken
    look.alerts += invariants.alerts(broken, schema, latest.name)
    recent = look.rows.filter(pl.col("logged_at") >= latest.rows["logged_at"].min())
    days = look.params.monitor.window_days
    look.alerts += invariants.stuck_clock(who.reference, recent, schema.time, days, rule)
    changed = [path for tag, path in registry.DEFINITION.items()
               if who.version.tags.get(tag) != md5(look.root / path)]  # fmt: skip
    own = who.own(latest.rows)
    if changed:
        look.sentences.append(
            f"skew is not judged: {', '.join(changed)} changed since version {who.version.number}"
        )
    elif own.height:
        look.alerts += skew.alerts(skew.differences(own, schema), own.height, latest.name)


def judge_drift(look: Look, who: Champion) -> None:
    """Measure the drift of every feature and of the prediction in each whole window."""
    rule, names = look.params.monitor, compared(look.schema)
    kept = f"{who.version.tags['model_md5']}-{rule.window_days}d.json"
    widest = drift.widest(
        who.reference, [*names.values(), PREDICTION], look.schema.time, rule.window_days,
        look.root / ".lifecycle" / "models" / kept,
    )  # fmt: skip
    for window, found in zip(look.windows, look.found, strict=True):
        if not window.whole:
            look.sentences.append(
                f"drift in the window from {window.name} is not judged: the log begins in it"
            )
            continue
        found["drift"] = {
            name: drift.of_window(who.reference, window.rows, column, widest, rule)
            for name, column in names.items()
        }
        own = who.own(window.rows)
        if own.height >= rule.minimum_rows:
            found["prediction_drift"] = drift.of_window(
                who.reference, own, PREDICTION, widest, rule
            )
    for name in names:
        _drift_alert(look, "drift", name, [found["drift"].get(name) for found in look.found])
    predicted = [found["prediction_drift"] for found in look.found]
    _drift_alert(look, "prediction drift", PREDICTION, predicted)


def _drift_alert(look: Look, kind: str, name: str, by_window: list[Any]) -> None:
    flags, latest = [bool(one and one["fires"]) for one in by_window], by_window[-1]
    if latest and fires(flags, look.params.monitor, sudden=latest["sudden"]):
        where = tuple(w.name for w, flag in zip(look.windows, flags, strict=True) if flag)
        look.alerts.append(Alert(kind, name, drift.sentence(name, latest), where))


def judge_quality(look: Look, who: Champion) -> None:
    """Measure what became of the predictions, in each window whose labels have come."""
    params, schema = look.params, look.schema
    hidden = [name for name in schema.names("key") if schema[name].private == "left_out"]
    known = None if hidden else quality.labels(look.root / params.paths.labels, schema)
    if known is None:
        why = f"there are none in {params.paths.labels}"
        why = f"the log leaves out {hidden[0]}, a key that labels join by" if hidden else why
        look.sentences.append(f"quality is not judged without labels: {why}")
        return
    names, verdicts = [], []
    for window, found in zip(look.windows, look.found, strict=True):
        joined = quality.join(who.own(window.rows), known, schema)
        found["quality"] = quality.of_window(joined, schema, params)
        if found["quality"]:
            names.append(window.name)
            verdicts.append(quality.verdicts(found["quality"], who.evaluation, params))
    if not verdicts:
        least = params.monitor.quality.minimum_labels
        look.sentences.append(
            f"quality is not judged: no window has {least} labels of both kinds yet"
        )
    look.alerts += quality.alerts(names, verdicts, params)


def judge_age(look: Look, who: Champion) -> None:
    """Compare the last row of training with the newest prediction."""
    newest: Any = look.windows[-1].rows[look.schema.time].max()
    last = datetime.fromisoformat(who.version.tags["train_last"])
    age, most = (newest - last).days, look.params.monitor.maximum_age_days
    if age > most:
        version = f"version {who.version.number}"
        said = (f"{version} was trained on rows up to {last:%Y-%m-%d}, {age} days before the "
                f"newest prediction; {most} are allowed")  # fmt: skip
        look.alerts.append(Alert("stale", version, said))
