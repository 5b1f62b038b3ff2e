"""What the report tells of the model: verdict of the gate, metrics, slices, calibration, groups."""

from __future__ import annotations

from typing import Any

from lifecycle.core.metric_names import SIGN
from lifecycle.core.params import SliceRule
from lifecycle.pages import charts, web
from lifecycle.pages.charts import Curve
from lifecycle.pages.web import Cell
from lifecycle.records.expected import sentence
from lifecycle.reporting.report_facts import Facts

PASSED = {"pass": "good", "fail": "bad"}


def which(facts: Facts, model_md5: str | None) -> str:
    """Say which model a report is about."""
    version = facts.version_of(model_md5)
    if version is None:
        return f"the model `{(model_md5 or 'unknown')[:12]}`, which is not registered"
    return f"version {version.number}"


def gate(facts: Facts) -> str:
    """Return the last verdict of the gate with every rule, and that of the live version."""
    last, released = facts.gate, facts.released
    if last is None and released is None:
        return web.sentence("The gate has judged nothing yet: type `make gate`.")
    parts = []
    if last is not None:
        said = f"{last['verdict']}: {last['reason']} ({which(facts, last.get('model_md5'))})"
        parts.append(web.sentence(f"Last verdict: {said}.", PASSED.get(last["verdict"], "")))
        if last["rules"]:
            parts.append(_rules(last["rules"], "The last verdict, rule by rule"))
        if last.get("difference"):
            parts.append(web.sentence(f"{sentence(last['difference'], 'the champion')}."))
    if released is not None and (last is None or released.get("rules") != last["rules"]):
        version = which(facts, released.get("model_md5"))
        caption = f"The verdict that let {version} through"
        table = _rules(released["rules"], caption)
        hidden = last is not None and last["rules"]
        parts.append(web.details(caption, table) if hidden else table)
    return "".join(parts)


def _rules(rules: list[dict[str, str]], caption: str) -> str:
    rows: list[web.Row] = [[one["rule"], one["measured"], one["required"],
             Cell(one["verdict"], PASSED.get(one["verdict"], ""))] for one in rules]  # fmt: skip
    return web.table(["rule", "measured", "required", "verdict"], rows, caption)


def model(facts: Facts) -> str:
    """Return what evaluate measured on the holdout."""
    found = facts.evaluation
    if found is None:
        return web.sentence("No model has been evaluated yet: type `make pipeline`.")
    about = which(facts, found.get("model_md5"))
    said = (f"Measured on {found['rows']:,} rows held out, by {about}: "
            "the model that the pipeline made last.")  # fmt: skip
    drawn = [f"<div><h3>Calibration</h3>{_calibration(found)}</div>"]
    if facts.roc:
        drawn.append(f"<div><h3>ROC curve</h3>{_roc(facts.roc)}</div>")
    parts = [web.sentence(said), _metrics(found), f'<div class="beside">{"".join(drawn)}</div>']
    parts += ["<h3>What decides</h3>", _attributions(found["attributions"])]
    parts += ["<h3>Slices</h3>", _slices(facts, found)]
    parts += ["<h3>Fairness</h3>", _fairness(facts, found)]
    return "".join(parts)


def _metrics(found: dict[str, Any]) -> str:
    others = list(found["baselines"])
    rows: list[web.Row] = []
    for name, value in found["metrics"].items():
        against = [found["baselines"][other].get(name) for other in others]
        lower = SIGN[name] < 0
        best = min if lower else max
        wins = value == best([value, *(one for one in against if one is not None)])
        shown = [f"{one:.4f}" if one is not None else "" for one in against]
        rows.append([name, Cell(f"{value:.4f}", "good" if wins else ""), *shown,
                     "lower is better" if lower else "higher is better"])  # fmt: skip
    head = ["metric", "model", *others, ""]
    return web.table(head, rows, "The model against the baselines; ticked where it is best")


def _calibration(found: dict[str, Any]) -> str:
    bins = found["calibration"]
    points = [(one["predicted"], one["observed"]) for one in bins]
    most = max(one["rows"] for one in bins)
    dots = [2 + 3 * (one["rows"] / most) ** 0.5 for one in bins]
    drawn = charts.square([Curve("came true", "first", points, dots)],
                          "Share that came true by predicted probability",
                          ("predicted", "came true"))  # fmt: skip
    caption = "Below the dashed line the model promises more than came true, above it less"
    rows = [[f"{one['predicted']:.3f}", f"{one['observed']:.3f}", f"{one['rows']:,}"]
            for one in bins]  # fmt: skip
    table = web.table(["predicted", "came true", "rows"], rows, "Calibration, bin by bin")
    return charts.figure(drawn, caption) + web.details("Figures of the bins", table)


def _roc(roc: list[dict[str, float]]) -> str:
    points = [(one["false_positive_rate"], one["true_positive_rate"]) for one in roc]
    drawn = charts.square([Curve("model", "first", points)], "ROC curve on the holdout",
                          ("false positive rate", "true positive rate"))  # fmt: skip
    return charts.figure(drawn, "On the dashed line it would be chance")


def _attributions(found: list[dict[str, Any]]) -> str:
    names, values = ([one[key] for one in found] for key in ("feature", "attribution"))
    drawn = charts.bars(names, values, "Mean absolute SHAP value by feature")
    return charts.figure(drawn, "Mean absolute SHAP value, in log odds")


def _slices(facts: Facts, found: dict[str, Any]) -> str:
    rule, names = facts.params.gate.slices, list(found["metrics"])
    parts = []
    for column in dict.fromkeys(one["slice"] for one in found["slices"]):
        rows: list[web.Row] = []
        for one in (each for each in found["slices"] if each["slice"] == column):
            scores = one["metrics"]
            bad = scores is not None and not rule.holds(scores[rule.metric])
            shown = [
                Cell(f"{scores[name]:.4f}" if scores else "", "bad" if bad and name == rule.metric
                     else "") for name in names
            ]  # fmt: skip
            rows.append([one["value"], f"{one['rows']:,}", *shown])
        caption = f"{column}: {rule.metric} of each {rule}"
        table = web.table([column, "rows", *names], rows, caption)
        parts.append(web.details(_worst(column, rule, found["slices"]), table))
    least = facts.params.evaluate.minimum_slice_rows
    return web.sentence(f"Slices of fewer than {least} rows carry no figures.") + "".join(parts)


def _worst(column: str, rule: SliceRule, slices: list[dict[str, Any]]) -> str:
    """Return the line that stands for all slices of a column."""
    judged = [(one["metrics"][rule.metric], one["value"]) for one in slices
              if one["slice"] == column and one["metrics"]]  # fmt: skip
    if not judged:
        return f"{column}: no slice has rows enough"
    value, name = min(judged, key=lambda one: SIGN[rule.metric] * one[0])
    return f"{column}: {len(judged)} slices, the worst {rule.metric} is {value:.4f} ({name})"


def _fairness(facts: Facts, found: dict[str, Any]) -> str:
    limit, parts = facts.params.gate.disparity.maximum, []
    for column, measured in found["fairness"].items():
        rates = ("selection_rate", "true_positive_rate", "false_positive_rate")
        rows: list[web.Row] = [
            [one["group"], f"{one['rows']:,}", *(_rate(one.get(name)) for name in rates)]
            for one in measured["groups"]
        ]
        gaps = [measured["disparity"].get(name) for name in rates]
        rows.append(["largest difference", "", *(
            Cell(_rate(gap), "bad" if gap is not None and gap > limit else "") for gap in gaps
        )])  # fmt: skip
        head = [column, "rows", "decided yes", "of those it should find", "of those it should not"]
        caption = f"{column}: shares of each group; differences of at most {limit:.0%} are allowed"
        parts.append(web.table(head, rows, caption))
    return "".join(parts) or web.sentence("schema.yaml marks no column as sensitive.")


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
