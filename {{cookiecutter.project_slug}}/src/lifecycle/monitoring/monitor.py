"""Monitor compares what is served with what the serving version was made of, and gives a verdict.

It reads the prediction log, labels, the champion's reference and the service's metrics, and writes
reports/monitor.json and pages beside it. Exit code: 0 healthy, 3 firing, 4 could not judge, 1 a
mistake; with `--verdict-to` 0 for each of the three verdicts. (ML Test Score, Monitoring 1 to 7.)
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json, write_text
from lifecycle.contract.outcome import chosen
from lifecycle.core import environment
from lifecycle.core.command import project_root
from lifecycle.core.held import Held
from lifecycle.core.params import Params, load_params
from lifecycle.monitoring import drift, log_state, objectives
from lifecycle.monitoring import monitor_checks as checks
from lifecycle.monitoring.alerts import WHAT_TO_DO
from lifecycle.monitoring.look import Look, champion, compared, served
from lifecycle.monitoring.predictions import compact, read
from lifecycle.monitoring.settings import Monitor
from lifecycle.monitoring.windows import Window, cut
from lifecycle.pages import web
from lifecycle.rollout import log_folder
from lifecycle.rollout.key_file import require_hash_key

CODES = {"healthy": 0, "firing": 3, "could not judge": 4}


def look_at(
    root: Path, params: Params, schema: Schema, name: str, since: datetime | None = None
) -> Look:
    """Return all that was found about an environment; see `judge`."""
    folder = environment.folder(root, name) / "predictions"
    log = read(folder, schema, since)
    rows = served(log)
    windows, said = cut(rows, schema.time, params.part(Monitor), params.evaluate.window_days)
    look = Look(root, params, schema, name, log, rows, windows)
    look.found = [_empty(window) for window in windows]
    now = datetime.now(UTC)
    look.sentences += log_state.sentences(log, folder, now)
    if rows.is_empty():
        refused = f" ({log.refusals.height} refused requests apart)" if log.refusals.height else ""
        said = [f"the prediction log of {name} is empty{refused}: send requests, then run "
                "`make monitor` again"]  # fmt: skip
    if lost := log_folder.fault(folder):
        said = [lost]
    look.sentences += said
    _notice_silence(look, now)
    look.objectives, look.alerts = objectives.of_environment(root, params, name)
    checks.judge_refusals(look)
    if windows:
        try:
            look.champion = champion(root, params, name)
        except StageError as error:
            look.sentences.append(str(error))
    if look.champion is not None:
        for check in (
            checks.judge_latest, checks.judge_drift, checks.judge_quality, checks.judge_age
        ):  # fmt: skip
            check(look, look.champion)
    return look


def _notice_silence(look: Look, now: datetime) -> None:
    """Note that nothing is logged any more: what was healthy then may not be so now."""
    newest, days = look.rows["logged_at"].max(), look.params.evaluate.window_days
    if isinstance(newest, datetime) and now - newest > timedelta(days):
        said = f"the newest prediction was logged at {newest:%Y-%m-%d %H:%M} UTC, more than {days} "
        look.obstacles.append(said + "days ago: does the service get requests, and write its log?")


def judge(
    root: Path, params: Params, schema: Schema, name: str, since: datetime | None = None
) -> dict[str, Any]:
    """Return what reports/monitor.json holds about an environment; it is not written.

    Only what the service had counted is remembered, for the next look.

    Args:
        root: The project's folder.
        params: The whole of params.yaml.
        schema: The whole of schema.yaml.
        name: The environment.
        since: Only what was logged from then on, where the caller needs no more.
    """
    return report(look_at(root, params, schema, name, since))


def _empty(window: Window) -> dict[str, Any]:
    return {
        "name": window.name, "start": window.start.isoformat(), "end": window.end.isoformat(),
        "rows": window.rows.height, "drift": {}, "prediction_drift": None, "invariants": [],
        "quality": None,
    }  # fmt: skip


def _verdict(look: Look) -> tuple[str, str]:
    """Return the verdict and its reason in one sentence."""
    if look.alerts:
        by_kind: dict[str, list[str]] = {}
        for alert in look.alerts:
            by_kind.setdefault(alert.kind, []).append(alert.subject)
        said = (f"{kind}: {', '.join(dict.fromkeys(of))}" for kind, of in by_kind.items())
        return "firing", "; ".join(said)
    if look.champion is None:
        return "could not judge", look.sentences[-1]
    if look.obstacles:
        return "could not judge", "; ".join(look.obstacles)
    count, end = len(look.windows), look.windows[-1].end
    windows = "the window" if count == 1 else f"{count} windows"
    kept = f"version {look.champion.version.number} keeps every limit in {windows} before {end}"
    return "healthy", "; not judged: ".join(filter(None, [kept, ", ".join(look.not_judged)]))


def report(look: Look) -> dict[str, Any]:
    """Return what was found as reports/monitor.json holds it."""
    who, (verdict, reason) = look.champion, _verdict(look)
    return {
        "verdict": verdict,
        "reason": reason,
        "judged_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": look.environment,
        "version": who.version.number if who else None,
        "tag": who.tag if who else None,
        "sentences": look.sentences,
        "not_judged": look.not_judged,
        "windows": look.found,
        "alerts": [alert.as_dict() for alert in look.alerts],
        "objectives": look.objectives,
        "refusals": look.refusals,
    }


def write(root: Path, params: Params, made: dict[str, Any], evidently: str | None = None) -> None:
    """Write a report and its page; `evidently` is the name of Evidently's page beside it."""
    path = root / params.paths.monitor_report
    write_json(path, made)
    page = web.render("monitoring/templates/page.html", report=made, what_to_do=WHAT_TO_DO,
                      evidently=evidently)  # fmt: skip
    write_text(path.with_suffix(".html"), page)


def write_evidently(look: Look) -> str | None:
    """Write Evidently's page of the latest window, if its drift was judged; return its name."""
    path = (look.root / look.params.paths.monitor_report).with_name("evidently.html")
    path.unlink(missing_ok=True)
    if look.champion is None or not look.found[-1]["drift"]:
        return None
    prediction = chosen.of(look.schema).watched
    columns = {**compared(look.schema), prediction: prediction}
    measured = {**look.found[-1]["drift"], prediction: look.found[-1]["prediction_drift"]}
    limits = {columns[name]: one["limit"] for name, one in measured.items() if one}
    drift.write_evidently(path, look.champion.reference, look.windows[-1].rows, limits)
    return path.name


def lines(made: dict[str, Any]) -> list[str]:
    """Return what the command prints of a report."""
    found = [f"monitor: {made['verdict']}: {made['reason']}"]
    found += [f"    {one['kind']}: {one['message']}" for one in made["alerts"]]
    if made["alerts"]:
        found.append(f"    see {', '.join(dict.fromkeys(one['see'] for one in made['alerts']))}")
    found += [f"    {sentence}" for sentence in made["sentences"]]
    if made["objectives"]["judged"]:
        found.append(f"    objectives {made['objectives']['judged']}")
    return found


def alone(root: Path) -> Held:
    """Return the lock of the one monitor at a time: all write one report, and compact the logs."""
    folder = root / ".lifecycle"
    return Held(
        folder / "monitor.lock", folder / "monitor_holder.json", "the monitor's report",
        "wait for it",
    )  # fmt: skip


def judge_and_write(root: Path, verdict_to: Path | None) -> dict[str, Any]:
    """Judge an environment, write report, pages and verdict, compact its log; return the report."""
    if verdict_to:
        verdict_to.unlink(missing_ok=True)  # never one of before
    params, schema, name = load_params(), load_schema(), environment.current()
    key = environment.folder(root, name) / "log_hash_key"
    require_hash_key(key)
    os.environ["LOG_HASH_KEY_FILE"] = str(key)  # so that labels are hashed as the service does it
    (root / params.paths.monitor_report).unlink(missing_ok=True)
    look = look_at(root, params, schema, name)
    made = report(look)
    write(root, params, made, write_evidently(look))
    # Afterwards: what is compacted has no torn lines to speak of any more.
    compact(environment.folder(root, name) / "predictions", schema, params.prediction_log.keep_days)
    print("\n".join(lines(made)))
    print(f"monitor: see {params.paths.monitor_report.with_suffix('.html')}")
    if verdict_to:
        write_text(verdict_to, made["verdict"] + "\n")
    return made


def main(given: argparse.Namespace) -> None:
    """Judge the environment that LIFECYCLE_ENVIRONMENT names, and say so by the exit code."""
    root = project_root()
    with alone(root).hold("monitor"):
        made = judge_and_write(root, given.verdict_to)
    if given.verdict_to:
        return
    raise SystemExit(CODES[made["verdict"]])
