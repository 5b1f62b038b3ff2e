"""The comparison as Markdown: the verdict and its reason first, the rest to unfold."""

from __future__ import annotations

from typing import Any

from lifecycle.core.params import Params
from lifecycle.pages import web

# By this line `make comment` finds the comment that it updates.
MARKER = "<!-- lifecycle: compare -->"
# GitHub takes 65,536 characters.
LONGEST = 60_000
HEADS = {
    "pass": "✅ Good",
    "unchanged": "⚪ No change: the model is the same",
    "fail": "❌ Refused by the gate",
    "stopped": "❌ Stopped: there is no model to judge",
    "none": "❔ Not judged yet",
}
WIDTH = 21
# So many lines of a table that can have any number.
MOST = 40


def quoted(value: Any) -> str:
    """Return a value so that it cannot end a cell, or be read as Markdown."""
    text = str(value).replace("`", "'").replace("|", "/").replace("\n", " ")
    return f"`{text[:60]}`"


def picture(value: float, low: float, high: float) -> str:
    """Draw an interval around zero as text: the line is the interval, the dot the difference."""
    most = max(abs(low), abs(high), abs(value)) or 1.0
    middle = WIDTH // 2

    def place(number: float) -> int:
        return middle + round(number / most * middle)

    marks = ["·"] * WIDTH
    marks[place(low) : place(high) + 1] = ["─"] * (place(high) - place(low) + 1)
    marks[middle] = "│"
    marks[place(value)] = "●"
    return f"`{''.join(marks)}`"


def meaning(line: dict[str, Any]) -> str:
    """Say in a word what a metric's difference means."""
    if line["better"] is None:
        return "same"
    word = "better" if line["better"] else "worse"
    low, high = line.get("interval", (1.0, 1.0))
    # A difference that may be chance is said with a question mark.
    return word if low > 0 or high < 0 else f"{word}?"


def headline(found: dict[str, Any], params: Params) -> str:
    """Return the first line: the verdict, and the figure that it hangs on."""
    head = HEADS[found["verdict"]]
    if found["scores"] and found["verdict"] in ("pass", "fail"):
        chosen = params.gate.champion.metric
        line = next(one for one in found["scores"]["metrics"] if one["metric"] == chosen)
        head += f": {chosen} {line['difference']:+.4f} against base ({meaning(line)})"
    return head


def render(found: dict[str, Any], params: Params) -> str:
    """Return the whole report; it fits a GitHub comment."""
    text = web.render(
        "delivery/templates/compare.md", found=found, headline=headline(found, params),
        confidence=params.gate.champion.confidence, most=MOST,
        meaning=meaning, picture=picture, quoted=quoted,
    )  # fmt: skip
    if len(text) > LONGEST:
        text = text[:LONGEST] + "\n\n(cut: reports/compare.json has the rest)\n"
    return f"{text}\n{MARKER}\n"
