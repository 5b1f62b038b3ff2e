"""What the report tells of the model: metrics, calibration, attributions, slices, groups."""

from __future__ import annotations

from typing import Any

from lifecycle.core.metric_names import SIGN
from lifecycle.pages import charts
from lifecycle.pages.charts import Curve, Figure
from lifecycle.records.facts import Facts, Link, Section
from lifecycle.tasks.chosen import TASKS


def _gather(facts: Facts) -> dict[str, Any]:
    paths = facts.params.paths
    return {"found": facts.read(paths.evaluation_report),
            "roc": facts.read(paths.plots / "roc.json"),
            "residuals": facts.read(paths.plots / "residuals.json")}  # fmt: skip


def _values(facts: Facts) -> dict[str, Any]:
    """Return what evaluate measured on the holdout, with its charts."""
    told = facts.told["model"]
    found, roc, residuals = told["found"], told["roc"], told["residuals"]
    if found is None:
        return {"found": None}
    # Evaluations of before there were other tasks do not say so.
    observed = TASKS[found.get("task", "binary")].observed
    return {
        "found": found, "sign": SIGN, "observed": observed,
        "calibration": _calibration(found, observed),
        "residuals": _residuals(residuals) if residuals else None,
        "roc": _roc(roc) if roc else None,
        "attributions": _attributions(found["attributions"]) if found["attributions"] else None,
    }  # fmt: skip


def _calibration(found: dict[str, Any], observed: str) -> Figure:
    bins = found["calibration"]
    points = [(one["predicted"], one["observed"]) for one in bins]
    most = max(one["rows"] for one in bins)
    dots = [2 + 3 * (one["rows"] / most) ** 0.5 for one in bins]
    drawn = charts.square([Curve(observed, "first", points, dots)],
                          f"What {observed} by what was predicted",
                          ("predicted", observed))  # fmt: skip
    caption = f"Below the dashed line the model promises more than {observed}, above it less"
    return Figure(drawn, caption)


def _residuals(found: list[dict[str, float]]) -> Figure:
    points = [(one["predicted"], one["residual"]) for one in found]
    drawn = charts.scatter(points, "What came less what was predicted, by what was predicted",
                           ("predicted", "came less predicted"))  # fmt: skip
    return Figure(drawn, "Rows of the holdout, spread evenly over what was predicted")


def _roc(roc: list[dict[str, float]]) -> Figure:
    points = [(one["false_positive_rate"], one["true_positive_rate"]) for one in roc]
    drawn = charts.square([Curve("model", "first", points)], "ROC curve on the holdout",
                          ("false positive rate", "true positive rate"))  # fmt: skip
    return Figure(drawn, "On the dashed line it would be chance")


def _attributions(found: list[dict[str, Any]]) -> Figure:
    names, values = ([one[key] for one in found] for key in ("feature", "attribution"))
    drawn = charts.bars(names, values, "Mean absolute SHAP value by feature")
    return Figure(drawn, "Mean absolute SHAP value, in what the model adds up: log odds, or values")


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
