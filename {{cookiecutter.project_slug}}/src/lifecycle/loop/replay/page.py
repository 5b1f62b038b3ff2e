"""The page of a replay: conclusion, chart by month with intervals, table, decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifecycle.contract.files import write_json, write_text
from lifecycle.core.params import Params
from lifecycle.loop.replay import report as replay_report
from lifecycle.pages import charts, web
from lifecycle.pages.charts import Series

# What live is compared with: its name on the page, and its colour.
OTHERS = {
    "frozen": ("frozen", "second"),
    "settled": ("the first retrained", "third"),
}


def chart(found: dict[str, Any]) -> str:
    """Return each model's ROC AUC by month, live with its interval, as a figure."""
    scores = [month["scores"] for month in found["months"]]
    band = [(one["live"]["roc_auc_low"], one["live"]["roc_auc_high"]) for one in scores]
    live = [one["live"]["roc_auc"] for one in scores]
    series = [Series("live, with its interval", "first", live, band)]
    for key, (name, kind) in OTHERS.items():
        values = [one[key]["roc_auc"] if key in one else None for one in scores]
        if any(value is not None for value in values):
            series.append(Series(name, kind, values))
    names = [month["name"][5:] for month in found["months"]]
    drawn = charts.over_time(names, series, "ROC AUC by month")
    return charts.figure(drawn, "ROC AUC by month", series)


def conclusion(found: dict[str, Any]) -> str:
    """Return the conclusion as a sentence."""
    return web.sentence(f"Conclusion: {found['conclusion']}.")


def table(found: dict[str, Any]) -> str:
    """Return the table, month by month."""
    return web.table(replay_report.HEADER, replay_report.rows(found), "The replay, month by month")


def decisions(found: dict[str, Any]) -> str:
    """Return what monitoring found in each month, and what was done then and why."""
    rows = [
        [month["name"], month["reason"], f"{month['outcome']}: {month['why']}"]
        for month in found["months"]
    ]
    return web.table(["month", "monitoring", "then"], rows, "What was decided, and why")


def page(found: dict[str, Any]) -> str:
    """Return the page."""
    parts = (
        "<h1>Replay</h1>", conclusion(found), chart(found), table(found),
        web.items([web.code(one) for one in replay_report.sentences(found)]),
        "<h2>What was decided</h2>", decisions(found),
    )  # fmt: skip
    return web.document("Replay", f"<main>{''.join(parts)}</main>")


def write(root: Path, params: Params, found: dict[str, Any]) -> None:
    """Write the report as JSON and as a page beside it."""
    path = root / params.paths.replay_report
    write_json(path, found)
    write_text(path.with_suffix(".html"), page(found))
