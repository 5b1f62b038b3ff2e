"""The page of a replay: conclusion, chart by month with intervals, table, decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifecycle.contract.files import write_json, write_text
from lifecycle.core.metric_names import title
from lifecycle.core.params import Params
from lifecycle.loop.replay import report as replay_report
from lifecycle.pages import charts, web
from lifecycle.pages.charts import Figure, Series

# What live is compared with: its name on the page, and its colour.
OTHERS = {
    "frozen": ("frozen", "second"),
    "settled": ("the first retrained", "third"),
}


def chart(found: dict[str, Any]) -> Figure:
    """Return each model's metric by month, live with its interval."""
    metric, _ = replay_report.shown(found)
    scores = [month["scores"] for month in found["months"]]
    band = [(one["live"][f"{metric}_low"], one["live"][f"{metric}_high"]) for one in scores]
    live = [one["live"][metric] for one in scores]
    series = [Series("live, with its interval", "first", live, band)]
    for key, (name, kind) in OTHERS.items():
        values = [one[key][metric] if key in one else None for one in scores]
        if any(value is not None for value in values):
            series.append(Series(name, kind, values))
    names = [month["name"][5:] for month in found["months"]]
    caption = f"{title(metric)} by month"
    return Figure(charts.over_time(names, series, caption), caption, series)


def told(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the templates tell of a replay."""
    return {
        "found": found, "chart": chart(found), "head": replay_report.header(found),
        "rows": replay_report.rows(found), "sentences": replay_report.sentences(found),
    }  # fmt: skip


def write(root: Path, params: Params, found: dict[str, Any]) -> None:
    """Write the report as JSON and as a page beside it."""
    path = root / params.paths.replay_report
    write_json(path, found)
    page = web.render("loop/replay/templates/page.html", told=told(found))
    write_text(path.with_suffix(".html"), page)
