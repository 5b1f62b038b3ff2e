"""What the report tells of the model: metrics, calibration, attributions, slices, groups."""

from __future__ import annotations

from typing import Any

from lifecycle.core.metric_names import SIGN
from lifecycle.pages import charts
from lifecycle.pages.charts import Curve, Figure
from lifecycle.records.facts import Facts, Link, Section


def _gather(facts: Facts) -> dict[str, Any]:
    paths = facts.params.paths
    return {"found": facts.read(paths.evaluation_report),
            "roc": facts.read(paths.plots / "roc.json")}  # fmt: skip


def _values(facts: Facts) -> dict[str, Any]:
    """Return what evaluate measured on the holdout, with its charts."""
    found, roc = facts.told["model"]["found"], facts.told["model"]["roc"]
    if found is None:
        return {"found": None}
    return {
        "found": found, "sign": SIGN, "calibration": _calibration(found),
        "roc": _roc(roc) if roc else None,
        "attributions": _attributions(found["attributions"]) if found["attributions"] else None,
    }  # fmt: skip


def _calibration(found: dict[str, Any]) -> Figure:
    bins = found["calibration"]
    points = [(one["predicted"], one["observed"]) for one in bins]
    most = max(one["rows"] for one in bins)
    dots = [2 + 3 * (one["rows"] / most) ** 0.5 for one in bins]
    drawn = charts.square([Curve("came true", "first", points, dots)],
                          "Share that came true by predicted probability",
                          ("predicted", "came true"))  # fmt: skip
    caption = "Below the dashed line the model promises more than came true, above it less"
    return Figure(drawn, caption)


def _roc(roc: list[dict[str, float]]) -> Figure:
    points = [(one["false_positive_rate"], one["true_positive_rate"]) for one in roc]
    drawn = charts.square([Curve("model", "first", points)], "ROC curve on the holdout",
                          ("false positive rate", "true positive rate"))  # fmt: skip
    return Figure(drawn, "On the dashed line it would be chance")


def _attributions(found: list[dict[str, Any]]) -> Figure:
    names, values = ([one[key] for one in found] for key in ("feature", "attribution"))
    drawn = charts.bars(names, values, "Mean absolute SHAP value by feature")
    return Figure(drawn, "Mean absolute SHAP value, in log odds")


def _todo(facts: Facts) -> str:
    if facts.told["model"]["found"] is not None or facts.versions:
        return ""
    return ("Nothing has run yet. Type `make lifecycle`: it goes from the source's files to a "
            "served prediction. Then type `make report` again.")  # fmt: skip


def _links(facts: Facts) -> list[Link]:
    what = "Great Expectations: what was checked in the data"
    return [Link("Data Docs", facts.params.paths.data_docs / "index.html", what, fetches=True)]


SECTIONS = (
    Section(30, "model", "Model", "pipeline/templates/model.html",
            gather=_gather, values=_values, todo=_todo, links=_links),
)  # fmt: skip
