"""What the report tells of the features: what each earns, and what it costs."""

from __future__ import annotations

from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.pages import charts
from lifecycle.pages.charts import Figure, Series
from lifecycle.records import ablation
from lifecycle.records.facts import Facts, Section

MARKS = {ablation.EARNS: "good", ablation.UNPROVEN: "dim", ablation.HARMS: "bad"}


def _gather(facts: Facts) -> Any:
    return facts.read(facts.params.paths.ablation_report, ("about", "features", "groups"))


def _values(facts: Facts) -> dict[str, Any]:
    found = facts.told["features"]
    if found is None:
        return {"found": None}
    try:
        ablation.read(facts.root, facts.params)
        stale = ""
    except StageError as error:
        stale = str(error)
    ordered = {kind: sorted(found[kind], key=lambda one: -one["gain"])
               for kind in ("features", "groups")}  # fmt: skip
    every = [*ordered["features"], *ordered["groups"]]
    counted = {verdict: [one["name"] for one in ordered["features"] if one["verdict"] == verdict]
               for verdict in MARKS}  # fmt: skip
    return {"found": found, "stale": stale, "ordered": ordered, "counted": counted,
            "marks": MARKS, "chart": _chart(every, found["metric"])}  # fmt: skip


def _chart(every: list[dict[str, Any]], metric: str) -> Figure:
    drawn = charts.gains(
        [one["name"] for one in every], [MARKS[one["verdict"]] for one in every],
        [one["gain"] for one in every], [tuple(one["interval"]) for one in every],
        f"What each feature earns in {metric}",
    )  # fmt: skip
    named = [Series(verdict, mark, []) for verdict, mark in MARKS.items()]
    return Figure(drawn, f"What the model has of each feature and group, in {metric}", named)


SECTIONS = (
    Section(33, "features", "Features", "pipeline/ablation/templates/features.html",
            gather=_gather, values=_values),
)  # fmt: skip
