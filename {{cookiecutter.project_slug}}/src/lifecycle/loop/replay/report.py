"""What a replay has shown: by month, what fired, what was decided, and whether retraining paid."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lifecycle.core.metric_names import title
from lifecycle.core.terminal import table
from lifecycle.pages import web

if TYPE_CHECKING:
    from lifecycle.loop.replay.months import Month, Played


def line(month: Month) -> str:
    """Return one line about a month that was just played."""
    metric = month.scores["metrics"][0]
    live, frozen = (month.scores[name][metric] for name in ("live", "frozen"))
    control = ""
    if month.control:
        control = f"; replayed {month.control['month']}: {month.control['verdict']}"
    return (f"replay: {month.name}: {month.rows} rows in {month.seconds:.0f} s, {metric} "
            f"{live:.4f} live and {frozen:.4f} frozen; {month.outcome}: {month.why}"
            f"{control}")  # fmt: skip


def report(played: Played, seconds: float) -> dict[str, Any]:
    """Return everything that was found, with the conclusion."""
    months = [asdict(month) for month in played.months]
    overall = played.scores.overall([month["scores"] for month in months])
    return {
        "seconds": round(seconds, 1), "target": played.schema.target, "first": played.first,
        "months": months, "overall": overall, "false_alarms": false_alarms(months),
        "conclusion": conclusion(months, overall),
    }  # fmt: skip


def false_alarms(months: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many months of a training period were sent as well, and which of them fired."""
    controls = [month["control"] for month in months if month["control"]]
    return {
        "replayed": len(controls),
        "fired": [one for one in controls if one["verdict"] == "firing"],
        "not_judged": [one for one in controls if one["verdict"] == "could not judge"],
    }


def sure(gain: dict[str, float]) -> int:
    """Return 1 where the interval of a gain is above zero, -1 where below, else 0."""
    return (gain["low"] > 0) - (gain["high"] < 0)


def conclusion(months: list[dict[str, Any]], overall: dict[str, Any]) -> str:
    """Say in one sentence whether retraining beat the frozen model, whichever way it went."""
    promoted = sum(month["outcome"] == "promoted" for month in months)
    if not promoted:
        return (f"no retrained model went live in {len(months)} months: the service is the frozen "
                "model, neither better nor worse")  # fmt: skip
    gains, parts = overall["frozen"], []
    names = shown({"months": months})
    for metric in names:
        signs = Counter(sure(month["scores"]["gains"]["frozen"][metric]) for month in months)
        gain = gains[metric]
        verb = {1: "beat", 0: "neither beat nor lost to", -1: "lost to"}[sure(gain)]
        parts.append(
            f"{verb} the frozen model by {title(metric)} ({gain['value']:+.4f} "
            f"[{gain['low']:+.4f}, {gain['high']:+.4f}] on average; of {len(months)} months "
            f"surely better in {signs[1]}, surely worse in {signs[-1]})"
        )
    joint = "and" if len({sure(gains[metric]) for metric in names}) == 1 else "but"
    return f"continuous training, {promoted} times promoted, {parts[0]}, {joint} {parts[1]}"


def kinds(alerts: list[dict[str, Any]]) -> str:
    """Return how many alerts there are of each kind."""
    counted = Counter(one["kind"] for one in alerts)
    return ", ".join(f"{kind} {count}" for kind, count in counted.items())


def interval(gain: dict[str, float]) -> str:
    """Return a gain with its interval."""
    return f"{gain['value']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]"


def header(found: dict[str, Any]) -> tuple[str, ...]:
    """Return the table's header; the target's column has what came on average."""
    metric, loss = shown(found)
    return ("month", "rows", found.get("target", "true"), "versions",
            f"{title(metric)} live", "frozen", "gain over frozen", f"{title(loss)} live", "frozen",
            "constant", "fired", "then")  # fmt: skip


def shown(found: dict[str, Any]) -> tuple[str, str]:
    """Return the metric and the loss that a replay shows; at first there were but these."""
    months = found["months"]
    kept = months[0]["scores"].get("metrics") if months else None
    return tuple(kept) if kept else ("roc_auc", "log_loss")


def rows(found: dict[str, Any]) -> list[list[str]]:
    """Return the table's rows, as `header` has them."""
    table, (metric, loss) = [], shown(found)
    for month in found["months"]:
        score = month["scores"]
        live, frozen, constant = (score[name] for name in ("live", "frozen", "constant"))
        table.append([
            month["name"], str(month["rows"]), score.get("base_said", f"{score['base_rate']:.1%}"),
            ", ".join(sorted(month["versions"], key=int)),
            f"{live[metric]:.3f} [{live[f'{metric}_low']:.3f}, {live[f'{metric}_high']:.3f}]",
            f"{frozen[metric]:.3f}", interval(score["gains"]["frozen"][metric]),
            f"{live[loss]:.4f}", f"{frozen[loss]:.4f}", f"{constant[loss]:.4f}",
            kinds(month["alerts"]) or month["verdict"], month["outcome"],
        ])  # fmt: skip
    return table


def sentences(found: dict[str, Any]) -> list[str]:
    """Return what the table does not say: the first model, alarms, decisions, the settled model."""
    statuses: Counter[str] = Counter()
    for month in found["months"]:
        statuses.update(month["statuses"])
    return web.render(
        "loop/replay/templates/sentences.txt", found=found, statuses=statuses, kinds=kinds,
        interval=interval, names={name: title(name) for name in shown(found)},
    ).splitlines()  # fmt: skip


def text(found: dict[str, Any]) -> str:
    """Return all of it as the command prints it."""
    return web.render(
        "loop/replay/templates/printed.txt", found=found, table=table(header(found), rows(found)),
        sentences=sentences(found),
    ).removesuffix("\n")  # fmt: skip
