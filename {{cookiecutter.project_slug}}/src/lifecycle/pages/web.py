"""What every page that a command writes is made of: frame, style, tables; all of it is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

# Colours have a contrast of at least 4.5 to 1 on their ground, in both schemes. (WCAG 2.2, 1.4.3.)
STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1b1b1b; --dim: #595959;
  --line: #c9c9c9; --panel: #f5f5f3; --link: #0b57a4; --bad: #b3261e; --good: #1b6e2c;
  --open: #7a5200; --first: #1668b8; --second: #b3541e; --third: #6b4fa0; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181b; --text: #e8e8e6; --dim: #b0b0ae;
  --line: #45484d; --panel: #202327; --link: #8ec2f7; --bad: #ff9d94; --good: #86d192;
  --open: #f0c75a; --first: #7db8f0; --second: #f0a070; --third: #c0aaf0; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem;
  background: var(--ground); color: var(--text); overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
a { color: var(--link); } code { font-size: .9em; } li { margin-bottom: .4rem; }
.dim { color: var(--dim); } .bad { color: var(--bad); } .good { color: var(--good); }
.open { color: var(--open); } .bad, .good, .open { font-weight: 600; }
td.bad::before { content: "\\2717\\00a0"; } td.good::before { content: "\\2713\\00a0"; }
.wide { overflow-x: auto; margin: .5rem 0 1rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--dim); padding-bottom: .3rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: normal; }
td, tbody th { white-space: nowrap; }
thead th { vertical-align: bottom; } tbody th { font-weight: 400; } .number { text-align: right; }
td.long, th.long { white-space: normal; min-width: 15rem; max-width: 28rem; }
figure { margin: 1rem 0; } .beside { display: flex; flex-wrap: wrap; gap: 0 2rem; }
.beside > * { flex: 1 1 18rem; min-width: 0; } summary { cursor: pointer; padding: .2rem 0; }
 figcaption { color: var(--dim); font-size: .9rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: currentColor; font-size: 12px; } svg .axis { stroke: var(--line); }
svg .limit { stroke: var(--dim); stroke-dasharray: 4 4; fill: none; }
svg polyline { fill: none; stroke-width: 2.5; } svg .band { opacity: .18; stroke: none; }
.first { color: var(--first); } .second { color: var(--second); } .third { color: var(--third); }
svg .first, svg .second, svg .third { stroke: currentColor; }
svg .dot, svg .bar, svg .band { fill: currentColor; stroke: none; }
"""
NUMBER = re.compile(r"[-+]?\d[\d.,]*\s?%?( \(.*\)| \[.*\])?")
LONG = 40


@dataclass(frozen=True)
class Cell:
    """A table's cell that is more than text: `bad`, `good` or `open`, or with a longer title."""

    text: str
    mark: str = ""
    title: str = ""


Row = Sequence[str | Cell]


def table(head: Sequence[str], rows: Sequence[Row], caption: str) -> str:
    """Return a table that scrolls by itself where it is wider than the page.

    The first cell of a row is its heading; columns of numbers are set to the right.
    """
    cells = [[_cell(one) for one in row] for row in rows]
    classes = [_column(cells, place) for place in range(len(head))]
    top = "".join(
        f'<th scope="col"{_attribute("class", kind)}>{escape(name)}</th>'
        for name, kind in zip(head, classes, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_td, row, classes, range(len(row))))}</tr>" for row in cells)
    # Whoever has no mouse reaches the right end of it by the keys.
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(given: str | Cell) -> Cell:
    return given if isinstance(given, Cell) else Cell(given)


def _column(rows: Sequence[Sequence[Cell]], place: int) -> str:
    texts = [row[place].text for row in rows if row[place].text]
    if place and texts and all(NUMBER.fullmatch(text) for text in texts):
        return "number"
    return "long" if any(len(text) > LONG for text in texts) else ""


def _td(cell: Cell, kind: str, place: int) -> str:
    tag, scope = ("td", "") if place else ("th", ' scope="row"')
    marks = _attribute("class", " ".join(filter(None, (kind, cell.mark))))
    return f"<{tag}{scope}{marks}{_attribute('title', cell.title)}>{escape(cell.text)}</{tag}>"


def _attribute(name: str, value: str) -> str:
    return f' {name}="{escape(value)}"' if value else ""


def moment(text: object, *, seconds: bool = False) -> str:
    """Return a time of a report as people write it, in UTC; what is no time stays as it is."""
    try:
        when = datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return str(text)
    return f"{when:%Y-%m-%d %H:%M:%S}" if seconds else f"{when:%Y-%m-%d %H:%M} UTC"


def details(summary: str, inside: str) -> str:
    """Return what is shown when its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def items(lines: Sequence[str]) -> str:
    """Return a list of lines that are HTML already; nothing where there is none."""
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>" if lines else ""


def sentence(text: str, mark: str = "") -> str:
    """Return a paragraph; what stands between backticks is code."""
    return f"<p{_attribute('class', mark)}>{code(text)}</p>"


def code(text: str) -> str:
    """Return text, escaped; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def document(title: str, body: str, style: str = "") -> str:
    """Return a page that asks for nothing else: no script, no font, no address."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Without it, a browser would look for an icon beside the page.
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE}{style}</style></head>\n<body>{body}</body></html>\n"
    )
