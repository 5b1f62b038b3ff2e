"""The comparison as Markdown: the verdict and its reason first, the rest to unfold."""

from __future__ import annotations

from typing import Any

from lifecycle.core.params import Params

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
SLICES = 40


def table(head: list[str], lines: list[list[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    rule = [":---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines)) + "\n"


def cell(value: Any) -> str:
    """Return a value so that it cannot end a cell, or be read as Markdown."""
    text = str(value).replace("`", "'").replace("|", "/").replace("\n", " ")
    return f"`{text[:60]}`"


def fold(title: str, text: str) -> str:
    """Return text behind a line that a click unfolds."""
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"


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


def metrics(lines: list[dict[str, Any]], confidence: float) -> str:
    """Return the table of metrics, base against this change."""
    found = []
    for line in lines:
        low, high = line.get("interval", (None, None))
        drawn = low is not None
        found.append([
            line["metric"], f"{line['base']:.4f}", f"{line['change']:.4f}",
            f"**{line['difference']:+.4f}**", meaning(line),
            f"{low:+.4f} to {high:+.4f}" if drawn else "",
            picture(line["difference"], low, high) if drawn else "",
        ])  # fmt: skip
    interval = f"{confidence:.0%} interval"
    return table(["metric", "base", "this change", "difference", "", interval, "0 is │"], found)


def slices(lines: list[dict[str, Any]]) -> str:
    """Return the slices, the largest loss first, with their count in the line that unfolds them."""
    if not lines:
        return ""
    name = lines[0]["metric"]
    ordered = sorted(lines, key=lambda one: one["gain"])
    better = sum(one["better"] is True for one in lines)
    worse = sum(one["better"] is False for one in lines)
    rows = [
        [f"{one['slice']} {cell(one['value'])}", str(one["rows"]), f"{one['base']:.4f}",
         f"{one['change']:.4f}", f"{one['difference']:+.4f}"]
        for one in ordered[:SLICES]
    ]  # fmt: skip
    title = f"Slices, {name}: {better} better, {worse} worse, {len(lines) - better - worse} same"
    head = ["slice", "rows", "base", "this change", "difference"]
    more = f"\nand {len(lines) - SLICES} more in compare.json\n" if len(lines) > SLICES else ""
    return fold(title, table(head, rows) + more)


def gate(lines: list[dict[str, Any]]) -> str:
    """Return the rules that fail in the open, and all of them folded."""
    if not lines:
        return ""
    head = ["rule", "measured", "required", "verdict"]
    rows = [[one["rule"], one["measured"].replace("|", "/"), one["required"], one["verdict"]]
            for one in lines]  # fmt: skip
    failed = [row for row in rows if row[-1] != "pass"]
    text = f"Rules that do not hold:\n\n{table(head, failed)}\n" if failed else ""
    return text + fold(f"Gate: {len(rows) - len(failed)} of {len(rows)} rules hold",
                       table(head, rows))  # fmt: skip


def data(found: dict[str, Any] | None) -> str:
    """Return what validate found in the data."""
    if found is None:
        return "Data: not validated.\n"
    if found["passed"]:
        return f"Data: all {found['checked']} expectations hold on {found['rows']:,} rows.\n"
    rows = [
        [cell(one["column"]), one["rule"].removeprefix("expect_"), str(one["count"]),
         f"{one['share']:.2%}"]
        for one in found["failed"][:SLICES]
    ]  # fmt: skip
    count = f"{len(found['failed'])} of {found['checked']}"
    return (f"Data: **{count} expectations do not hold** on {found['rows']:,} rows.\n\n"
            + table(["column", "expectation", "rows", "share"], rows))  # fmt: skip


def work(found: dict[str, Any]) -> str:
    """Return what was recomputed, and which parameters differ."""
    stages, text = found["stages"], ""
    if stages:
        ran = [name for name, what in stages.items() if what == "ran"]
        left = [f"{name} ({what})" for name, what in stages.items() if what != "ran"]
        text = f"Recomputed: {', '.join(ran) or 'nothing'}."
        text += f" From the cache, in DVC's words: {', '.join(left)}.\n" if left else "\n"
    if stages and not found["lock_is_current"]:
        text += ("`dvc.lock` of this commit is not what the pipeline made: run `make pipeline` and "
                 "commit dvc.lock, so that the next change is compared with this model.\n"
                 )  # fmt: skip
    if found["params"]:
        rows = [[cell(one["key"]), cell(one["base"]), cell(one["change"])]
                for one in found["params"][:SLICES]]  # fmt: skip
        text += f"\n{table(['parameter', 'base', 'this change'], rows)}"
    elif found["base"]:
        text += "No parameter differs from base.\n"
    return text


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
    compared, scores = found["base"], found["scores"]
    where = f"this change `{found['commit'][:12]}`" + (f", base `{compared[:12]}`" if compared
                                                       else "")  # fmt: skip
    parts = [f"## {headline(found, params)}\n", f"**Why:** {found['reason']}.\n"]
    if scores:
        parts.append(metrics(scores["metrics"], params.gate.champion.confidence))
        parts.append(f"Both models on the same {scores['rows']:,} rows held out; whole days are "
                     "drawn for the interval. A question mark means that the interval holds zero.\n"
                     )  # fmt: skip
    else:
        parts.append(f"No comparison: {found['no_scores']}.\n")
    parts += [gate(found["rules"]), slices(scores["slices"]) if scores else "",
              data(found["validation"]), work(found), f"<sub>{where}</sub>\n"]  # fmt: skip
    text = "\n".join(part for part in parts if part)
    if len(text) > LONGEST:
        text = text[:LONGEST] + "\n\n(cut: reports/compare.json has the rest)\n"
    return f"{text}\n{MARKER}\n"
