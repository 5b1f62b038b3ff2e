"""The page of one look at the service: the verdict, the alerts with what to do, the windows."""

from __future__ import annotations

from html import escape
from typing import Any

from lifecycle.monitoring.alerts import WHAT_TO_DO
from lifecycle.pages import web
from lifecycle.pages.web import Cell

MARKS = {"firing": "bad", "healthy": "good", "could not judge": "open"}


def alerts(report: dict[str, Any]) -> str:
    """Return what fires, each with its first step."""
    if not report["alerts"]:
        return "<p>Nothing fires.</p>"
    items = [
        f"<li><b>{escape(one['kind'])}: {escape(one['subject'])}</b><br>{escape(one['message'])}"
        + (f" (windows {escape(', '.join(one['windows']))})" if one["windows"] else "")
        + f"<br>{web.code(WHAT_TO_DO[one['kind']])}</li>"
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


def windows(report: dict[str, Any]) -> str:
    """Return the table of windows: rows, what drifts, quality."""
    names = [one["quality"]["metric"] for one in report["windows"] if one["quality"]]
    head = ["window from", "rows", "features that drift", "prediction", (names or ["quality"])[0],
            "came true", "predicted"]  # fmt: skip
    rows = []
    for one in report["windows"]:
        drifting = [name for name, found in one["drift"].items() if found["fires"]]
        prediction = one["prediction_drift"]
        drifted = _marked(prediction, _effect(prediction)) if prediction else Cell("not judged")
        rows.append([
            Cell(one["name"]), Cell(f"{one['rows']:,}"),
            Cell(", ".join(drifting), "bad") if drifting
            else Cell("none" if one["drift"] else "not judged"),
            drifted, *map(Cell, _quality(one["quality"])),
        ])  # fmt: skip
    return web.table(head, rows, "Windows, oldest first")


def _marked(found: dict[str, Any], text: str) -> Cell:
    return Cell(text, "bad" if found["fires"] else "")


def _effect(found: dict[str, Any]) -> str:
    measured = "no values" if found["effect"] is None else f"{found['effect']:.2f}"
    return f"{measured} (limit {found['limit']:.2f})"


def features(report: dict[str, Any]) -> str:
    """Return the table of each feature's effect size by window."""
    judged = report["windows"]
    names = list(dict.fromkeys(name for one in judged for name in one["drift"]))
    rows = []
    for name in names:
        cells = [one["drift"].get(name) for one in judged]
        limit = next(cell["limit"] for cell in cells if cell)
        shown = [_marked(one, _effect(one).split(" (")[0]) if one else Cell("") for one in cells]
        rows.append([Cell(name), Cell(f"{limit:.2f}"), *shown])
    head = ["feature", "limit", *(one["name"] for one in judged)]
    return web.table(head, rows, "Effect size by feature and window") if rows else ""


def _slices(report: dict[str, Any]) -> str:
    latest = next((one["quality"] for one in reversed(report["windows"]) if one["quality"]), None)
    if not latest or not latest["slices"]:
        return ""
    rows = [[f"{one['slice']} {one['of']}", f"{one['rows']:,}",
             f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"]
            for one in latest["slices"]]  # fmt: skip
    return "<h2>Slices of the newest labelled window</h2>" + web.table(
        ["slice", "rows", latest["metric"]], rows, "Quality by slice, with its interval"
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
        f'<h1>{escape(report["environment"])}: <span class="{MARKS[verdict]}">'
        f"{escape(verdict)}</span></h1>",
        f"<p>{escape(report['reason'])}</p>",
        f"<p>{escape(which)}, judged {escape(report['judged_at'])}</p>",
        f"<h2>Alerts</h2>{alerts(report)}",
        f"<h2>Noted</h2><ul>{sentences}</ul>" if sentences else "",
    ]
    if report["windows"]:
        parts += ["<h2>Windows</h2>", windows(report)]
        parts += ["<h2>Drift, as effect size</h2>", features(report), _slices(report)]
    parts.append(f"<h2>Objectives</h2>{_objectives(report['objectives'])}")
    if evidently:
        link = f'<a href="{escape(evidently)}">Distributions of the latest window</a>'
        parts.append(f"<p>{link} (Evidently)</p>")
    return web.document(f"Monitor: {verdict}", f"<main>{''.join(parts)}</main>")
