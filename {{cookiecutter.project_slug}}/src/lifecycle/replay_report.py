"""What a replay has shown: scores with intervals by month, a table, a page with a chart."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lifecycle import charts, metrics, rules, web
from lifecycle.charts import Series
from lifecycle.files import write_json, write_text
from lifecycle.params import ChampionRule, Params

if TYPE_CHECKING:
    from lifecycle.replay import Month

Array = NDArray[Any]
BINS = 10


def scores(
    label: Array,
    live: Array,
    frozen: Array,
    base_rate: float,
    day: Array,
    rule: ChampionRule,
    seed: int,
) -> dict[str, Any]:
    """Return how live, frozen and a constant did on the labelled rows of a month.

    Intervals by drawing whole days, both models on the same draw each time (rules.bootstrap_gain);
    the constant is the share of the month that the first model was trained on.
    """
    constant = np.full(len(label), base_rate)
    found: dict[str, Any] = {"rows": len(label), "base_rate": float(label.mean())}
    for name, values in (("live", live), ("frozen", frozen), ("constant", constant)):
        scored = metrics.score(label, values, BINS)
        found[name] = {key: scored[key] for key in ("roc_auc", "log_loss")}
    for metric in ("roc_auc", "log_loss"):
        chosen = rule.model_copy(update={"metric": metric})
        gain, low, high = rules.bootstrap_gain(label, live, frozen, day, chosen, seed)
        found[f"{metric}_gain"] = {"value": gain, "low": low, "high": high}
    # Half of the pairs is what a constant ranks right, so the gain over it is the area above that.
    chosen = rule.model_copy(update={"metric": "roc_auc"})
    for name, values in (("live", live), ("frozen", frozen)):
        gain, low, high = rules.bootstrap_gain(label, values, constant, day, chosen, seed)
        found[name].update(roc_auc_low=0.5 + low, roc_auc_high=0.5 + high)
    return found


def line(month: Month, seconds: float) -> str:
    """Return one line about a month that was just played."""
    live, frozen = (month.scores[name]["roc_auc"] for name in ("live", "frozen"))
    return (f"{month.name}: {month.rows} rows in {seconds:.0f} s, roc_auc {live:.4f} live and "
            f"{frozen:.4f} frozen; {month.verdict}; {month.action}")  # fmt: skip


def report(months: list[Month], seconds: float) -> dict[str, Any]:
    """Return everything that was found, with the conclusion."""
    found = [asdict(month) for month in months]
    return {"seconds": round(seconds, 1), "months": found, "conclusion": conclusion(found)}


def conclusion(months: list[dict[str, Any]]) -> str:
    """Say in one sentence whether retraining beat the frozen model."""
    counted = []
    for metric in ("roc_auc", "log_loss"):
        gains = [month["scores"][f"{metric}_gain"] for month in months]
        better = sum(gain["low"] > 0 for gain in gains)
        worse = sum(gain["high"] < 0 for gain in gains)
        mean = sum(gain["value"] for gain in gains) / len(gains)
        counted.append(
            f"by {metric} in {better} of {len(months)} months beyond the interval, worse in "
            f"{worse}, mean gain {mean:+.4f}"
        )
    return f"continuous training beat the frozen model {'; '.join(counted)}"


def rows(found: dict[str, Any]) -> list[list[str]]:
    """Return the table, its header first."""
    header = ["month", "rows", "late", "versions", "live roc_auc", "frozen roc_auc",
              "gain (interval)", "log loss live / frozen / constant", "fired", "then"]  # fmt: skip
    table = [header]
    for month in found["months"]:
        score = month["scores"]
        gain, live = score["roc_auc_gain"], score["live"]
        losses = " / ".join(f"{score[n]['log_loss']:.4f}" for n in ("live", "frozen", "constant"))
        table.append([
            month["name"], str(month["rows"]), f"{score['base_rate']:.1%}",
            ", ".join(f"{v}: {n}" for v, n in sorted(month["versions"].items())),
            f"{live['roc_auc']:.4f} ({live['roc_auc_low']:.4f} to {live['roc_auc_high']:.4f})",
            f"{score['frozen']['roc_auc']:.4f}",
            f"{gain['value']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})", losses,
            ", ".join(month["alerts"]) or month["verdict"], month["action"],
        ])  # fmt: skip
    return table


def table(found: dict[str, Any]) -> str:
    """Return the table as text; long cells are cut, reports/replay.html has them whole."""
    cut = [[cell if len(cell) <= 44 else cell[:41] + "..." for cell in row] for row in rows(found)]
    widths = [max(len(row[i]) for row in cut) for i in range(len(cut[0]))]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cut
    )


def chart(found: dict[str, Any]) -> str:
    """Return both models' ROC AUC by month, live with its interval, as a figure."""
    scored = [month["scores"] for month in found["months"]]
    live, frozen = ([one[name]["roc_auc"] for one in scored] for name in ("live", "frozen"))
    band = [(one["live"]["roc_auc_low"], one["live"]["roc_auc_high"]) for one in scored]
    series = [Series("live, with its interval", "first", live, band),
              Series("frozen", "second", frozen)]  # fmt: skip
    names = [month["name"][5:] for month in found["months"]]
    drawn = charts.over_time(names, series, "ROC AUC by month")
    return charts.figure(drawn, "ROC AUC by month", series)


def table_as_html(found: dict[str, Any]) -> str:
    """Return the whole table for a page."""
    header, *body = rows(found)
    return web.table(header, body, "The replay, month by month")


def page(found: dict[str, Any]) -> str:
    """Return the page: conclusion, chart, table."""
    said = web.sentence(f"{found['conclusion']}.")
    parts = ("<h1>Replay</h1>", said, chart(found), table_as_html(found))
    return web.document("Replay", f"<main>{''.join(parts)}</main>")


def write(root: Path, params: Params, found: dict[str, Any]) -> None:
    """Write the report as JSON and as a page beside it."""
    path = root / params.paths.replay_report
    write_json(path, found)
    write_text(path.with_suffix(".html"), page(found))
