"""The page of a replay: conclusion, chart by month with intervals, table, decisions."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from lifecycle import replay_report
from lifecycle.files import write_json, write_text
from lifecycle.params import Params

LEFT, TOP, WIDTH, HEIGHT = 50, 20, 640, 220
STYLE = """
:root { color-scheme: light dark; --live: #1668b8; --frozen: #b3541e; --settled: #3c7d3c; }
@media (prefers-color-scheme: dark) {
  :root { --live: #7db8f0; --frozen: #f0a070; --settled: #8fd08f; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
div { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.85rem; }
td, th { border-bottom: 1px solid #8886; padding: 0.3rem 0.6rem; text-align: left; }
svg { max-width: 46rem; width: 100%; } svg text { fill: currentColor; font-size: 12px; }
.band { fill: var(--live); opacity: 0.15; } polyline { fill: none; stroke-width: 2.5; }
.live { stroke: var(--live); color: var(--live); }
.frozen { stroke: var(--frozen); color: var(--frozen); }
.settled { stroke: var(--settled); color: var(--settled); stroke-dasharray: 6 4; }
"""


def chart(found: dict[str, Any]) -> str:
    """Return an SVG of each model's ROC AUC by month, live with its interval."""
    months = found["months"]
    scores = [month["scores"] for month in months]
    drawn = [name for name in ("frozen", "settled") if any(name in one for one in scores)]
    values = [one["live"][key] for one in scores for key in ("roc_auc_low", "roc_auc_high")]
    values += [one[name]["roc_auc"] for one in scores for name in drawn if name in one]
    top, bottom = max(values) + 0.01, min(values) - 0.01
    step = WIDTH / max(1, len(months) - 1)

    def place(number: int, value: float) -> str:
        height = TOP + HEIGHT * (top - value) / (top - bottom)
        return f"{LEFT + number * step:.1f},{height:.1f}"

    def points(name: str, key: str) -> list[str]:
        return [place(i, one[name][key]) for i, one in enumerate(scores) if name in one]

    band = points("live", "roc_auc_high") + points("live", "roc_auc_low")[::-1]
    lines = "".join(
        f'<polyline class="{name}" points="{" ".join(points(name, "roc_auc"))}"/>'
        for name in ("live", *drawn)
    )
    names = "".join(
        f'<text x="{LEFT + i * step:.1f}" y="{TOP + HEIGHT + 22}" text-anchor="middle">'
        f"{month['name'][5:]}</text>"
        for i, month in enumerate(months)
    )
    scale = "".join(
        f'<text x="{LEFT - 6}" y="{place(0, value).partition(",")[2]}" text-anchor="end">'
        f"{value:.2f}</text>"
        for value in (bottom + 0.01, (top + bottom) / 2, top - 0.01)
    )
    return (
        f'<svg viewBox="0 0 {LEFT + WIDTH + 50} {TOP + HEIGHT + 40}" role="img" '
        f'aria-label="ROC AUC by month"><polygon class="band" points="{" ".join(band)}"/>'
        f"{lines}{names}{scale}</svg>"
    )


def page(found: dict[str, Any]) -> str:
    """Return the page."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in replay_report.HEADER)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for row in replay_report.rows(found)
    )
    said = "".join(f"<li>{html.escape(one)}</li>" for one in replay_report.sentences(found))
    decided = "".join(
        f"<tr><td>{html.escape(cells[0])}</td><td>{html.escape(cells[1])}</td>"
        f"<td>{html.escape(cells[2])}</td></tr>"
        for cells in ((month["name"], month["reason"], f"{month['outcome']}: {month['why']}")
                      for month in found["months"])
    )  # fmt: skip
    settled = (
        ', <b class="settled">the first retrained</b>'
        if "settled" in found["overall"] else ""
    )  # fmt: skip
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Replay</title><style>{STYLE}</style><h1>Replay</h1>"
        f"<p>{html.escape(found['conclusion'])}.</p>"
        '<p>ROC AUC: <b class="live">live</b> with its interval, '
        f'<b class="frozen">frozen</b>{settled}.</p>'
        f"{chart(found)}<div><table><tr>{head}</tr>{body}</table></div><ul>{said}</ul>"
        "<h2>What was decided</h2><div><table><tr><th>month</th><th>monitoring</th>"
        f"<th>then</th></tr>{decided}</table></div></html>\n"
    )


def write(root: Path, params: Params, found: dict[str, Any]) -> None:
    """Write the report as JSON and as a page beside it."""
    path = root / params.paths.replay_report
    write_json(path, found)
    write_text(path.with_suffix(".html"), page(found))
