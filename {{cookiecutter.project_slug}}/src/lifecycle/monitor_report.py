"""The page of one look at the service: the verdict, the alerts with what to do, the windows."""

from __future__ import annotations

from html import escape
from typing import Any

from lifecycle.alerts import WHAT_TO_DO

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --good: #2e7d32; --dim: #8a6d00; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #81c784; --dim: #ffd54f; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.firing { color: var(--bad); } .healthy { color: var(--good); } .could { color: var(--dim); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } li { margin-bottom: .6rem; }
"""


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table; cells are escaped, and marked as firing where they begin with `!`."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def _cell(text: str) -> str:
    mark = ' class="firing"' if text.startswith("!") else ""
    return f"<td{mark}>{escape(text.removeprefix('!'))}</td>"


def _alerts(report: dict[str, Any]) -> str:
    if not report["alerts"]:
        return "<p>Nothing fires.</p>"
    items = [
        f"<li><b>{escape(one['kind'])}: {escape(one['subject'])}</b><br>{escape(one['message'])}"
        + (f" (windows {escape(', '.join(one['windows']))})" if one["windows"] else "")
        + f"<br>{escape(WHAT_TO_DO[one['kind']])}</li>"
        for one in report["alerts"]
    ]
    return f"<ul>{''.join(items)}</ul>"


def _quality(found: dict[str, Any] | None) -> list[str]:
    if not found:
        return ["no labels", "", ""]
    return [
        f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]",
        f"{found['base_rate']:.1%}", f"{found['mean_prediction']:.1%}",
    ]  # fmt: skip


def _windows(report: dict[str, Any]) -> str:
    names = [one["quality"]["metric"] for one in report["windows"] if one["quality"]]
    head = ["window from", "rows", "features that drift", "prediction", (names or ["quality"])[0],
            "came true", "predicted"]  # fmt: skip
    rows = []
    for one in report["windows"]:
        drifting = [name for name, found in one["drift"].items() if found["fires"]]
        prediction = one["prediction_drift"]
        drifted = _marked(prediction, _effect(prediction)) if prediction else "not judged"
        rows.append([
            one["name"], f"{one['rows']:,}",
            f"!{', '.join(drifting)}" if drifting else "none" if one["drift"] else "not judged",
            drifted, *_quality(one["quality"]),
        ])  # fmt: skip
    return _table(head, rows)


def _marked(found: dict[str, Any], text: str) -> str:
    return f"!{text}" if found["fires"] else text


def _effect(found: dict[str, Any]) -> str:
    measured = "no values" if found["effect"] is None else f"{found['effect']:.2f}"
    return f"{measured} (limit {found['limit']:.2f})"


def _features(report: dict[str, Any]) -> str:
    windows = report["windows"]
    names = list(dict.fromkeys(name for one in windows for name in one["drift"]))
    rows = []
    for name in names:
        cells = [one["drift"].get(name) for one in windows]
        limit = next(cell["limit"] for cell in cells if cell)
        shown = [_marked(cell, _effect(cell).split(" (")[0]) if cell else "" for cell in cells]
        rows.append([name, f"{limit:.2f}", *shown])
    return _table(["feature", "limit", *(one["name"] for one in windows)], rows)


def _slices(report: dict[str, Any]) -> str:
    latest = next((one["quality"] for one in reversed(report["windows"]) if one["quality"]), None)
    if not latest or not latest["slices"]:
        return ""
    rows = [[f"{one['slice']} {one['of']}", f"{one['rows']:,}",
             f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"]
            for one in latest["slices"]]  # fmt: skip
    return "<h2>Slices of the newest labelled window</h2>" + _table(
        ["slice", "rows", latest["metric"]], rows
    )


def _objectives(found: dict[str, Any]) -> str:
    if found.get("judged"):
        return f"<p>{escape(found['judged'])}</p>"
    return (f"<p>{found['requests']:.0f} requests since the last look: {found['availability']:.3%} "
            f"answered, 95 % within {found['milliseconds']:.0f} ms.</p>")  # fmt: skip


def page(report: dict[str, Any], evidently: str | None = None) -> str:
    """Return the page as HTML that needs nothing else; `evidently` is a link to Evidently's own."""
    verdict = report["verdict"]
    which = f"version {report['version']}" if report["version"] else "no version"
    sentences = "".join(f"<li>{escape(text)}</li>" for text in report["sentences"])
    parts = [
        f'<h1>{escape(report["environment"])}: <span class="{escape(verdict.split()[0])}">'
        f"{escape(verdict)}</span></h1>",
        f"<p>{escape(report['reason'])}</p>",
        f"<p>{escape(which)}, judged {escape(report['judged_at'])}</p>",
        f"<h2>Alerts</h2>{_alerts(report)}",
        f"<h2>Noted</h2><ul>{sentences}</ul>" if sentences else "",
    ]
    if report["windows"]:
        parts += ["<h2>Windows</h2>", _windows(report)]
        parts += ["<h2>Drift, as effect size</h2>", _features(report), _slices(report)]
    parts.append(f"<h2>Objectives</h2>{_objectives(report['objectives'])}")
    if evidently:
        link = f'<a href="{escape(evidently)}">Distributions of the latest window</a>'
        parts.append(f"<p>{link} (Evidently)</p>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Monitor: {escape(verdict)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )
