"""What the report tells of the last look: the verdict, drift and quality over the windows."""

from __future__ import annotations

from typing import Any

from lifecycle.monitoring.alerts import WHAT_TO_DO
from lifecycle.pages import charts
from lifecycle.pages.charts import Figure, Series
from lifecycle.records.facts import Facts, Health, Link, Place, Section

ANCHOR = "monitoring"
KEYS = ("environment", "version", "verdict", "reason", "judged_at")


def _gather(facts: Facts) -> dict[str, Any]:
    """Return the last look, and whether there are files of labels."""
    paths = facts.params.paths
    labels = [one.suffix for one in (facts.root / paths.labels).glob("*")]
    return {"report": facts.read(paths.monitor_report, KEYS),
            "labelled": ".parquet" in labels or ".csv" in labels}  # fmt: skip


def _of(facts: Facts, place: Place) -> Any:
    """Return the last look, if it was at this environment."""
    found = facts.told[ANCHOR]["report"]
    return found if found and found["environment"] == place.name else None


def _values(facts: Facts) -> dict[str, Any]:
    found = next((look for place in facts.places if (look := _of(facts, place))), None)
    told = {"report": found, "what_to_do": WHAT_TO_DO, "drift": None, "quality": None}
    if found and found["windows"]:
        told |= {"drift": _drift(found), "quality": _quality(facts, found)}
    return told


def _share(found: dict[str, Any] | None) -> float | None:
    """Return the larger of an effect and of what is missing more, in times of its limit.

    None where neither was measured.
    """
    pairs = (("effect", "limit"), ("missing_effect", "missing_limit"))
    given = [(found.get(effect), found.get(limit)) for effect, limit in pairs] if found else []
    return max((effect / limit for effect, limit in given if effect is not None), default=None)


def _drift(found: dict[str, Any]) -> Figure | None:
    windows = found["windows"]
    shares = {
        name: [_share(one["drift"].get(name)) for one in windows]
        for name in dict.fromkeys(name for one in windows for name in one["drift"])
    }
    ranked = sorted(shares, key=lambda name: -max((v for v in shares[name] if v), default=0.0))
    series = [Series("prediction", "first", [_share(one["prediction_drift"]) for one in windows])]
    series += [Series(name, kind, shares[name])
               for name, kind in zip(ranked[:2], ("second", "third"), strict=False)]  # fmt: skip
    series = [one for one in series if any(value is not None for value in one.values)]
    if not series:
        return None
    names = [one["name"] for one in windows]
    label = "Drift by window, in times of its limit"
    drawn = charts.over_time(names, series, label, limit=1.0, least=0.0)
    caption = "Effect size in times of its limit (dashed); the prediction, and what drifts most"
    return Figure(drawn, caption, series)


def _quality(facts: Facts, found: dict[str, Any]) -> Figure | None:
    windows = found["windows"]
    judged = [one["quality"] for one in windows]
    if not any(judged):
        return None
    metric = next(one["metric"] for one in judged if one)
    values = [one["value"] if one else None for one in judged]
    band = [(one["low"], one["high"]) if one else None for one in judged]
    series = [Series(f"{metric}, with its interval", "first", values, band)]
    version = facts.version(found["version"])
    reached = version.metrics.get(metric) if version else None
    drawn = charts.over_time([one["name"] for one in windows], series, f"{metric} by window",
                             limit=reached)  # fmt: skip
    caption = "By window" if reached is None else "By window; dashed: on the holdout"
    return Figure(drawn, caption, series)


def _health(facts: Facts, place: Place) -> Health:
    found, live = _of(facts, place), place.state.live
    todo = f"make monitor{place.setting}"
    if found is None:
        return Health("open", "how it does is not known yet", todo)
    if live and found["version"] not in (None, live.version):
        judged = f"not judged yet; the last look was at version {found['version']}"
        return Health("open", judged, todo)
    if found["verdict"] == "could not judge":
        return Health("open", f"could not be judged: {found['reason']}")
    if found["verdict"] == "healthy":
        return Health("good", "healthy")
    return Health("bad", f"monitoring fires ({found['reason']})", section=ANCHOR)


def _links(facts: Facts) -> list[Link]:
    path = facts.params.paths.monitor_report
    return [
        Link("Monitoring", path.with_suffix(".html"), "the last look, on a page"),
        Link("Evidently", path.with_name("evidently.html"),
             "each feature of the latest window beside the training period"),
    ]  # fmt: skip


SECTIONS = (
    Section(40, ANCHOR, "Monitoring", "monitoring/templates/section.html", gather=_gather,
            values=_values, health=_health, links=_links, card="monitoring/templates/card.html"),
)  # fmt: skip
