"""What the report tells of the running: drift and quality over time, rollouts, versions, replay."""

from __future__ import annotations

from typing import Any

from lifecycle.loop.replay import page as replay_page
from lifecycle.loop.replay import report as replay_report
from lifecycle.monitoring import monitor_report
from lifecycle.pages import charts, web
from lifecycle.pages.charts import Series
from lifecycle.pages.web import Cell
from lifecycle.reporting.report_facts import Facts, Place

MARKS = {"completed": "good", "rolled back": "bad", "cancelled": "bad", "rollback": "open"}
SHOWN = 50


def monitor(facts: Facts) -> str:
    """Return the last look of monitoring: verdict, alerts, drift and quality over the windows."""
    place = next((one for one in facts.places if one.monitor), None)
    if place is None or place.monitor is None:
        return web.sentence("Monitoring has not looked yet: type `make monitor`.")
    found = place.monitor
    version = f"version {found['version']}" if found["version"] else "no version"
    when = f"{version} in {place.name}, {web.moment(found['judged_at'])}"
    said = f"{found['verdict']}: {found['reason']} ({when})."
    parts = [
        web.sentence(said, monitor_report.MARKS.get(found["verdict"], "")),
        monitor_report.alerts(found),
        web.items([web.code(text) for text in found["sentences"]]),
    ]
    if found["windows"]:
        parts += ["<h3>Drift over time</h3>", _drift(found), monitor_report.windows(found)]
        parts += ["<h3>Drift by feature</h3>", monitor_report.features(found)]
        parts += ["<h3>Quality over time</h3>", _quality(facts, place)]
    return "".join(parts)


def _share(found: dict[str, Any] | None) -> float | None:
    """Return the larger of an effect and of what is missing more, in times of its limit.

    None where neither was measured.
    """
    pairs = (("effect", "limit"), ("missing_effect", "missing_limit"))
    given = [(found.get(effect), found.get(limit)) for effect, limit in pairs] if found else []
    return max((effect / limit for effect, limit in given if effect is not None), default=None)


def _drift(found: dict[str, Any]) -> str:
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
        return web.sentence("No drift could be measured.")
    names = [one["name"] for one in windows]
    label = "Drift by window, in times of its limit"
    drawn = charts.over_time(names, series, label, limit=1.0, least=0.0)
    caption = "Effect size in times of its limit (dashed); the prediction, and what drifts most"
    return charts.figure(drawn, caption, series)


def _quality(facts: Facts, place: Place) -> str:
    assert place.monitor is not None
    windows = place.monitor["windows"]
    judged = [one["quality"] for one in windows]
    if not any(judged):
        return web.sentence(
            f"No window has labels enough: put outcomes into `{facts.params.paths.labels}`, "
            "then type `make monitor` again."
        )
    metric = next(one["metric"] for one in judged if one)
    values = [one["value"] if one else None for one in judged]
    band = [(one["low"], one["high"]) if one else None for one in judged]
    series = [Series(f"{metric}, with its interval", "first", values, band)]
    version = facts.version(place.monitor["version"])
    reached = version.tags.get(f"metric.{metric}") if version else None
    drawn = charts.over_time([one["name"] for one in windows], series, f"{metric} by window",
                             limit=float(reached) if reached else None)  # fmt: skip
    caption = "By window; dashed: on the holdout" if reached else "By window"
    return charts.figure(drawn, caption, series)


def rollouts(facts: Facts) -> str:
    """Return what the audit logs say, newest first; the steps of rollouts apart."""
    if not facts.audit:
        return web.sentence("Nothing was ever deployed: type `make deploy`.")
    done = [one for one in facts.audit if one.get("action") != "step"]
    steps = [one for one in facts.audit if one.get("action") == "step"]
    parts = [_audit(done[:SHOWN], "Newest first")]
    if steps:
        parts.append(web.details("Steps of the rollouts", _steps(steps[:SHOWN])))
    if max(len(done), len(steps)) > SHOWN:
        parts.append(web.sentence(
            f"The newest {SHOWN} are shown; all are in `.lifecycle/ENVIRONMENT/audit.jsonl`."
        ))  # fmt: skip
    return "".join(parts)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _audit(lines: list[dict[str, Any]], caption: str) -> str:
    rows: list[web.Row] = [
        [web.moment(one.get("time"), seconds=True), _text(one.get("environment")),
         Cell(_text(one.get("action")), MARKS.get(_text(one.get("action")), "")),
         _text(one.get("version")), _text(one.get("rule")), _text(one.get("reason")),
         _text(one.get("by"))]
        for one in lines
    ]  # fmt: skip
    head = ["time (UTC)", "environment", "action", "version", "rule", "reason", "by"]
    return web.table(head, rows, caption)


def _steps(lines: list[dict[str, Any]]) -> str:
    rows = []
    for one in lines:
        share = one.get("share")
        counted = (one.get("figures") or {}).get("candidate") or {}
        rows.append([
            web.moment(one.get("time"), seconds=True), _text(one.get("environment")),
            _text(one.get("version")),
            f"{_text(one.get('step'))}{f' {share:.0%}' if share else ''}",
            _text(one.get("reason")),
            *(f"{counted.get(name, 0):.0f}" for name in ("requests", "failed")),
        ])  # fmt: skip
    head = ["time (UTC)", "environment", "version", "step", "reason", "requests", "failed"]
    return web.table(head, rows, "What each step found, newest first; requests of the candidate")


def versions(facts: Facts) -> str:
    """Return the registry: each version with aliases, origin and figures, newest first."""
    if not facts.versions:
        return web.sentence("No version is registered yet: type `make release`.")
    metric = facts.params.gate.champion.metric
    rows: list[web.Row] = []
    for one in reversed(facts.versions):
        tags = one.tags
        named = [alias for alias, number in sorted(facts.aliases.items()) if number == one.number]
        reached = tags.get(f"metric.{metric}")
        rows.append([
            f"{one.number}", Cell(", ".join(named), "good" if "champion" in named else ""),
            tags.get("window", ""), f"{float(reached):.4f}" if reached else "",
            tags.get("gate_verdict", ""),
            *(Cell(tags.get(key, "")[:12], title=tags.get(key, ""))
              for key in ("git_commit", "data_md5", "model_md5")),
            tags.get("train_last", ""), Cell(one.run_id[:12], title=one.run_id),
        ])  # fmt: skip
    head = ["version", "alias", "data window", metric, "gate", "commit", "data", "model",
            "newest training row", "run"]  # fmt: skip
    return web.table(head, rows, f"{facts.params.project.name}: versions, newest first") + (
        web.sentence("`make lineage VERSION=n` checks every hash of a version.")
    )


def replay(facts: Facts) -> str:
    """Return conclusion, chart and table of the last replay."""
    found = facts.replay
    if found is None:
        return web.sentence("Nothing was replayed yet: type `make replay MONTHS=2013-02..2013-12`.")
    parts = (
        replay_page.conclusion(found), replay_page.chart(found), replay_page.table(found),
        web.items([web.code(one) for one in replay_report.sentences(found)]),
        web.details("What was decided in each month", replay_page.decisions(found)),
    )  # fmt: skip
    return "".join(parts)
