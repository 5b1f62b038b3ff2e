"""The checks of one look: each adds to it what it measured, and the alerts that fire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from lifecycle.contract import features
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5
from lifecycle.contract.outcome import chosen as outcomes
from lifecycle.core import day_blocks
from lifecycle.core.blocks import drawn
from lifecycle.monitoring import drift, invariants, joining, labels, quality, skew
from lifecycle.monitoring.alerts import Alert, fires
from lifecycle.monitoring.look import Champion, Look, compared
from lifecycle.monitoring.settings import Monitor
from lifecycle.pipeline.suite import load_beyond
from lifecycle.records import registry
from lifecycle.records.artefact import fetch_model
from lifecycle.tasks import chosen as tasks


def judge_refusals(look: Look) -> None:
    """Judge refusals among what was asked since the latest window began, or in the whole log."""
    rows, refused = look.rows, look.log.refusals.filter(pl.col("status") == 400)
    if look.windows:
        since = pl.col("logged_at") >= look.windows[-1].rows["logged_at"].min()
        rows, refused = rows.filter(since), refused.filter(since)
    answered, rule = rows["request_id"].n_unique(), look.params.part(Monitor).invariants
    look.refusals, alerts = invariants.refusals(answered, refused, rule)
    look.alerts += alerts


def judge_latest(look: Look, who: Champion) -> None:
    """Check invariants, clock and skew of the latest window, which fires alone."""
    latest, rule, schema = look.windows[-1], look.params.part(Monitor).invariants, look.schema
    beyond = load_beyond(look.root / "expectations" / "suite.yaml")
    broken = invariants.check(latest.rows, schema, beyond, rule)
    look.found[-1]["invariants"] = broken
    look.alerts += invariants.alerts(broken, schema, latest.name)
    recent = look.rows.filter(pl.col("logged_at") >= latest.rows["logged_at"].min())
    days = look.params.evaluate.window_days
    if schema.time is not None:
        look.alerts += invariants.stuck_clock(who.reference, recent, schema.time, days, rule)
    changed = [path for tag, path in registry.DEFINITION.items()
               if who.version.tags.get(tag) != md5(look.root / path)]  # fmt: skip
    own = who.own(latest.rows)
    number = who.version.number
    if changed:
        look.skip("skew", f"{', '.join(changed)} changed since version {number}")
    elif own.is_empty():
        look.skip("skew", f"version {number} predicted nothing in the latest window")
    else:
        differs = skew.differences(own, schema, _fitted(look, who))
        look.alerts += skew.alerts(differs, own.height, latest.name)


def _fitted(look: Look, who: Champion) -> features.Fitted:
    """Return what the version has learnt for its features: where nothing is, no model is needed."""
    if not features.learnt(look.schema):
        return {}
    from lifecycle.contract import model_file  # a second of imports

    return model_file.load(fetch_model(look.root, who.version.tags)).fitted


def judge_drift(look: Look, who: Champion) -> None:
    """Measure the drift of every feature and of the prediction in each whole window."""
    rule, names = look.params.part(Monitor), compared(look.schema)
    prediction = outcomes.of(look.schema).watched
    days, schema = look.params.evaluate.window_days, look.schema
    # What blocks of the reference are made of, and how large.
    size = f"{rule.minimum_rows}r" if schema.time is None else f"{days}d"
    kept = f"{who.version.tags['model_md5']}-{size}.json"

    def blocks() -> list[pl.DataFrame]:
        if schema.time is None:
            return drawn(who.reference, schema, rule.minimum_rows)
        return day_blocks.blocks(who.reference, schema.time, days)

    widest = drift.widest(
        who.reference, [*names.values(), prediction], blocks,
        look.root / ".lifecycle" / "models" / kept,
    )  # fmt: skip
    for window, found in zip(look.windows, look.found, strict=True):
        if not window.whole:
            look.skip("drift", f"the log begins within the window from {window.name}")
            continue
        found["drift"] = {
            name: drift.of_window(who.reference, window.rows, column, widest, rule)
            for name, column in names.items()
        }
        own = who.own(window.rows)
        if own.height >= rule.minimum_rows:
            found["prediction_drift"] = drift.of_window(
                who.reference, own, prediction, widest, rule
            )
    for name in names:
        _drift_alert(look, "drift", name, [found["drift"].get(name) for found in look.found])
    predicted = [found["prediction_drift"] for found in look.found]
    if look.found[-1]["drift"] and predicted[-1] is None:
        few = f"version {who.version.number} has fewer than {rule.minimum_rows} rows"
        look.skip("prediction drift", f"{few} in the latest window")
    _drift_alert(look, "prediction drift", prediction, predicted)


def _drift_alert(look: Look, kind: str, name: str, by_window: list[Any]) -> None:
    flags, latest = [bool(one and one["fires"]) for one in by_window], by_window[-1]
    if latest and fires(flags, look.params.part(Monitor), sudden=latest["sudden"]):
        where = tuple(w.name for w, flag in zip(look.windows, flags, strict=True) if flag)
        look.alerts.append(Alert(kind, name, drift.sentence(name, latest), where))


def judge_quality(look: Look, who: Champion) -> None:
    """Measure what became of the predictions, in each window whose labels have come."""
    params, schema = look.params, look.schema
    hidden = [name for name in schema.names("key") if schema[name].private == "left_out"]
    if hidden:
        look.skip("quality", f"the log leaves out {hidden[0]}, a key that labels join by")
        return
    folder = look.root / params.paths.labels
    unread = labels.unread(folder)
    if unread:
        look.sentences.append(f"{params.paths.labels}: {unread}: not read, as labels are .csv and "
                              ".parquet files in the folder itself")  # fmt: skip
    try:
        known = labels.read(folder, schema, params.data.source)
    except StageError as error:
        look.skip("quality", str(error))
        look.obstacles.append(str(error))
        return
    if known is None:
        look.skip("quality", f"no labels have come, {params.paths.labels} has no files of them")
        return
    why = _why_few_join(look, known)
    if why:
        look.skip("quality", why)
        look.obstacles.append(why)
        return
    names, verdicts, most, task = [], [], 0, tasks.of(schema)
    for window, found in zip(look.windows, look.found, strict=True):
        joined = labels.join(who.own(window.rows), known, schema)
        most = max(most, joined.height)
        scale = who.evaluation.get("scale", 1.0)
        found["quality"] = quality.of_window(joined, schema, params, scale)
        if found["quality"]:
            names.append(window.name)
            verdicts.append(quality.verdicts(found["quality"], who.evaluation, params, task))
    if not verdicts:
        look.skip("quality", (
            f"a window needs {params.evaluate.minimum_window_labels} labels {task.needs}; of "
            f"{known.height} labels, the predictions of version {who.version.number} in a window "
            f"have {most} at most"
        ))  # fmt: skip
    look.alerts += quality.alerts(names, verdicts, params)


def _why_few_join(look: Look, known: pl.DataFrame) -> str:
    """Say how many labels are of a logged row; return why so few are, where that is so.

    Judged from what happens to join, quality would be that of a part which nobody chose.
    """
    counted = joining.count(look.rows, known, look.schema)
    why = joining.reason(look.rows, known, look.schema) if counted.is_nearly_none else ""
    if why:
        return f"{counted.sentence}, yet they do not join: {why}"
    more, why = joining.reason_of_rest(look.rows, known, look.schema)
    if more >= joining.MISLEADS * counted.possible and why:
        return f"{counted.sentence}, yet {more} more do not join: {why}"
    rest = f"; {more} more do not join: {why}" if why else ""
    look.sentences.append(counted.sentence + rest)
    return ""


def judge_age(look: Look, who: Champion) -> None:
    """Compare the last row of training with the newest prediction, where the data has time."""
    if look.schema.time is None:
        return
    newest: Any = look.windows[-1].rows[look.schema.time].max()
    if "train_last" not in who.version.tags:
        look.skip("age", f"version {who.version.number} does not say what it was trained on")
        return
    last = datetime.fromisoformat(who.version.tags["train_last"])
    age, most = (newest - last).days, look.params.part(Monitor).maximum_age_days
    if age > most:
        version = f"version {who.version.number}"
        said = (f"{version} was trained on rows up to {last:%Y-%m-%d}, {age} days before the "
                f"newest prediction; {most} are allowed")  # fmt: skip
        look.alerts.append(Alert("stale", version, said))
