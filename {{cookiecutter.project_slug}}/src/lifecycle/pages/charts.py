"""Charts as SVG inside a page: lines over time, a square of two shares, bars. No script draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

# Small enough that the letters can be read where a phone shrinks it.
WIDTH, HEIGHT = 400, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 14, 34
# Letters of a name for which there is room beside a bar.
LONGEST = 26
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """A line over time: a value for each name, None where there is none, and its interval."""

    name: str
    kind: str
    values: Sequence[float | None]
    band: Sequence[tuple[float, float] | None] = field(default=())


@dataclass(frozen=True)
class Curve:
    """A line through points of two axes with one scale; `dots` says how large each point is."""

    name: str
    kind: str
    points: Points
    dots: Sequence[float] = field(default=())


@dataclass(frozen=True)
class Figure:
    """A chart as SVG, its caption, and the lines that the caption names in their colours."""

    drawn: str
    caption: str
    series: Sequence[Series | Curve] = ()


def steps(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return round values at even distances that reach from below `low` to above `high`."""
    span = max(high - low, 1e-9)
    size = 10 ** math.floor(math.log10(span / wanted))
    size *= next(factor for factor in (1, 2, 5, 10) if span / (size * factor) <= wanted)
    first = math.floor(low / size + 1e-9)
    last = math.ceil(high / size - 1e-9)
    return [round(number * size, 10) for number in range(first, max(last, first + 1) + 1)]


class _Frame:
    """Where values come to lie: one axis from left to right, one from bottom to top."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], width: int) -> None:
        self.x, self.y, self.width = x, y, width

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point."""
        (left, right), (low, high) = self.x, self.y
        across = (x - left) / (right - left) if right > left else 0.5
        up = (y - low) / (high - low)
        return (round(LEFT + across * (self.width - LEFT - RIGHT), 1),
                round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1))  # fmt: skip

    def line(self, points: Points) -> str:
        """Return points as an attribute wants them."""
        return " ".join("{},{}".format(*self.at(x, y)) for x, y in points)

    def scale(self, values: Sequence[float]) -> str:
        """Return the lines and figures of the upright axis."""
        digits = max(len(f"{value:g}".partition(".")[2]) for value in values)
        found = []
        for value in values:
            _, y = self.at(self.x[0], value)
            name = _text(LEFT - 6, y + 4, f"{value:.{digits}f}", "end")
            across = f'x1="{LEFT}" x2="{self.width - RIGHT}" y1="{y}" y2="{y}"'
            found.append(f'<line class="axis" {across}/>{name}')
        return "".join(found)


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(label: str, inside: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    # No larger than its letters may become.
    return (f'<svg viewBox="0 0 {width} {height}" style="max-width: {width * 1.3:.0f}px" '
            f'role="img" aria-label="{escape(label)}">{inside}</svg>')  # fmt: skip


def _runs(values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """Return the stretches without a gap."""
    found: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((float(place), value))
    return [run for run in found if run]


def _drawn(frame: _Frame, one: Series) -> str:
    parts = []
    for run in _runs([pair[1] if pair else None for pair in one.band]):
        low = [(x, pair[0]) for x, _ in run if (pair := one.band[int(x)]) is not None]
        if len(run) > 1:
            outline = frame.line([*run, *low[::-1]])
            parts.append(f'<polygon class="band {one.kind}" points="{outline}"/>')
        else:
            # What has no neighbour has no breadth.
            (x, high), (_, bottom) = frame.at(*run[0]), frame.at(*low[0])
            parts.append(f'<line class="{one.kind}" x1="{x}" x2="{x}" y1="{high}" y2="{bottom}"/>')
    for run in _runs(one.values):
        parts.append(f'<polyline class="{one.kind}" points="{frame.line(run)}"/>')
        for x, y in run:
            across, up = frame.at(x, y)
            parts.append(f'<circle class="dot {one.kind}" cx="{across}" cy="{up}" r="3"/>')
    return "".join(parts)


def over_time(
    names: Sequence[str],
    series: Sequence[Series],
    label: str,
    *,
    limit: float | None = None,
    least: float | None = None,
) -> str:
    """Return lines over named moments, each with its interval.

    `limit` is drawn across; `least` is on the scale, whatever the values are.
    """
    given = [value for one in series for value in one.values if value is not None]
    given += [value for one in series for pair in one.band if pair for value in pair]
    given += [value for value in (limit, least) if value is not None and given]
    if not given:
        return ""
    values = steps(min(given), max(given))
    frame = _Frame((0, max(1, len(names) - 1)), (values[0], values[-1]), WIDTH)
    # As many names as there is room for, the last one always.
    wide = max(map(len, names)) > 4
    every = math.ceil(len(names) / 4) if wide else math.ceil(len(names) / 12)
    shown = {place for place in range(len(names)) if (len(names) - 1 - place) % every == 0}
    below = []
    for place in sorted(shown):
        x, _ = frame.at(place, values[0])
        # A long name at an end would reach over the edge.
        at_end = "start" if place == 0 else "end" if place == len(names) - 1 else "middle"
        below.append(_text(x, HEIGHT - 12, names[place], at_end if wide else "middle"))
    across = ""
    if limit is not None:
        _, y = frame.at(0, limit)
        across = f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
    lines = "".join(_drawn(frame, one) for one in series)
    return _svg(label, frame.scale(values) + across + lines + "".join(below))


def square(curves: Sequence[Curve], label: str, names: tuple[str, str]) -> str:
    """Return curves over two figures of one scale, with the diagonal; names of x and y."""
    given = [value for one in curves for point in one.points for value in point]
    values = steps(min(0.0, *given), max(given))
    width, low = HEIGHT + LEFT + RIGHT - TOP - BOTTOM, values[0]
    frame = _Frame((low, values[-1]), (low, values[-1]), width)
    ends = frame.line([(low, low), (values[-1], values[-1])])
    parts = [frame.scale(values), f'<polyline class="limit" points="{ends}"/>']
    for one in curves:
        parts.append(f'<polyline class="{one.kind}" points="{frame.line(one.points)}"/>')
        for (x, y), size in zip(one.points, one.dots, strict=False):
            across, up = frame.at(x, y)
            parts.append(f'<circle class="dot {one.kind}" cx="{across}" cy="{up}" r="{size}"/>')
    for value in values:
        parts.append(_text(frame.at(value, low)[0], HEIGHT - BOTTOM + 15, f"{value:g}"))
    parts.append(_text((LEFT + width) / 2, HEIGHT - 3, names[0]))
    parts.append(_text(LEFT + 4, TOP - 3, names[1], "start"))
    return _svg(label, "".join(parts), width)


def scatter(points: Points, label: str, names: tuple[str, str]) -> str:
    """Return points over two figures, each with its own scale, and a line at nought."""
    across, up = ([point[axis] for point in points] for axis in (0, 1))
    along, values = steps(min(across), max(across)), steps(min(0.0, *up), max(0.0, *up))
    frame = _Frame((along[0], along[-1]), (values[0], values[-1]), WIDTH)
    ends = frame.line([(along[0], 0.0), (along[-1], 0.0)])
    parts = [frame.scale(values), f'<polyline class="limit" points="{ends}"/>']
    for x, y in (frame.at(*point) for point in points):
        parts.append(f'<circle class="dot first" cx="{x}" cy="{y}" r="1.5"/>')
    for value in along:
        parts.append(_text(frame.at(value, values[0])[0], HEIGHT - BOTTOM + 15, f"{value:g}"))
    parts.append(_text((LEFT + WIDTH) / 2, HEIGHT - 3, names[0]))
    parts.append(_text(LEFT + 4, TOP - 3, names[1], "start"))
    return _svg(label, "".join(parts))


def bars(names: Sequence[str], values: Sequence[float], label: str) -> str:
    """Return a bar for each value, its name to the left and the figure to the right."""
    widest, room = max([*values, 1e-9]), WIDTH - 226
    parts = []
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        y, length = place * 20 + 4, round(room * max(value, 0.0) / widest, 1)
        parts.append(
            _text(168, y + 11, name, "end")
            + f'<rect class="bar first" x="176" y="{y}" width="{length}" height="14"/>'
            + _text(182 + length, y + 11, f"{value:.3f}", "start")
        )
    return _svg(label, "".join(parts), WIDTH, len(names) * 20 + 8)


def gains(
    names: Sequence[str], kinds: Sequence[str], values: Sequence[float],
    intervals: Sequence[tuple[float, float]], label: str,
) -> str:  # fmt: skip
    """Return a bar for each value to the right or left of 0, with its interval; names at the left.

    `kinds` are the colours. The scale reaches as far as values and intervals do.
    """
    marks = steps(min(0.0, *(low for low, _ in intervals)), max(0.0, *(up for _, up in intervals)))
    left, right, height = 176, WIDTH - 16, len(names) * 20 + 8

    def at(value: float) -> float:
        return round(left + (value - marks[0]) / (marks[-1] - marks[0]) * (right - left), 1)

    parts = []
    for mark in (marks[0], 0.0, marks[-1]):
        parts.append(
            f'<line class="axis" x1="{at(mark)}" x2="{at(mark)}" y1="0" y2="{height}"/>'
            + _text(at(mark), height + 14, f"{mark:+g}" if mark else "0")
        )
    for place, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        y, value, ends = place * 20 + 4, values[place], intervals[place]
        shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        begin, end = sorted((at(0.0), at(value)))
        across = f'x1="{at(ends[0])}" x2="{at(ends[1])}" y1="{y + 7}" y2="{y + 7}"'
        size = f'x="{begin}" y="{y}" width="{end - begin:.1f}" height="14"'
        parts.append(
            _text(168, y + 11, shown, "end")
            + f'<rect class="bar {kind}" {size}/><line class="whisker" {across}/>'
        )
    return _svg(label, "".join(parts), WIDTH, height + 20)
