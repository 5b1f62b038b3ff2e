"""The comparison's plots as SVG, which need no library and open in any browser."""

from __future__ import annotations

from html import escape
from typing import Any

COLOURS = {"base": "#7a7a7a", "change": "#0b6bcb"}
NAMES = {"base": "base", "change": "this change"}


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Return a line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def drawing(width: int, height: int, title: str, parts: list[str]) -> str:
    """Return a drawing on white, readable in a dark page as well."""
    legend = [
        f'<circle cx="{width - 170 + 70 * i}" cy="14" r="5" fill="{COLOURS[key]}"/>'
        + text(width - 160 + 70 * i, 18, NAMES[key])
        for i, key in enumerate(COLOURS)
    ]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        text(10, 18, title), *legend, *parts, "</svg>", "",
    ])  # fmt: skip


def calibration(curves: dict[str, list[dict[str, float]]]) -> str:
    """Draw predicted against observed shares of both models; the diagonal is perfect."""
    most = max(max(p["predicted"], p["observed"]) for curve in curves.values() for p in curve)
    side, left, top = 300, 50, 30

    def at(point: dict[str, float]) -> tuple[float, float]:
        x, y = point["predicted"] / most, point["observed"] / most
        return left + side * x, top + side * (1 - y)

    parts = [
        f'<path d="M{left},{top + side} L{left + side},{top}" stroke="#bbbbbb" fill="none"/>',
        text(left + side / 2, top + side + 20, f"predicted, 0 to {most:.2f}", "middle"),
        text(10, top + side / 2, "observed"),
    ]
    for name in ("base", "change"):
        points = [at(point) for point in curves[name]]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>'
                  for x, y in points]  # fmt: skip
    return drawing(400, top + side + 35, "Calibration", parts)


def slices(lines: list[dict[str, Any]]) -> str:
    """Draw a line a slice: from base's figure to that of this change."""
    low = min(min(one["base"], one["change"]) for one in lines)
    high = max(max(one["base"], one["change"]) for one in lines)
    left, width, step = 170, 400, 18

    def at(value: float) -> float:
        return float(left + width * (value - low) / ((high - low) or 1))

    parts = []
    for number, one in enumerate(sorted(lines, key=lambda o: o["gain"])):
        y = 45 + step * number
        parts.append(text(left - 10, y + 4, f"{one['slice']} {one['value']}", "end"))
        parts.append(f'<path d="M{at(one["base"]):.1f},{y} L{at(one["change"]):.1f},{y}" '
                     'stroke="#bbbbbb"/>')  # fmt: skip
        parts += [f'<circle cx="{at(one[key]):.1f}" cy="{y}" r="4" fill="{COLOURS[key]}"/>'
                  for key in COLOURS]  # fmt: skip
    bottom = 45 + step * len(lines)
    parts += [text(left, bottom + 8, f"{low:.3f}"), text(left + width, bottom + 8, f"{high:.3f}",
                                                         "end")]  # fmt: skip
    title = f"{lines[0]['metric']} by slice, the largest loss on top"
    return drawing(left + width + 20, bottom + 20, title, parts)


def draw(found: dict[str, Any]) -> dict[str, str]:
    """Return each plot by the name of its file; none where nothing was compared."""
    scores = found["scores"]
    if not scores:
        return {}
    drawn = {"calibration.svg": calibration(scores["calibration"])}
    if scores["slices"]:
        drawn["slices.svg"] = slices(scores["slices"])
    return drawn
