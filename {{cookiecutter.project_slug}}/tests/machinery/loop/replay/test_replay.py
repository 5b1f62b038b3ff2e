"""The pure parts of a replay: its arguments, its first window, its scores and its report."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.edited_yaml import replaced
from lifecycle.core.params import Gate, Params, model
from lifecycle.core.window import Window, shifted
from lifecycle.loop.replay import first_model, replay
from lifecycle.loop.replay import page as replay_page
from lifecycle.loop.replay import report as replay_report
from lifecycle.loop.replay.scores import Scores
from lifecycle.loop.replay.settings import Replay


def test_months_are_one_or_a_range() -> None:
    assert replay.months_of("2013-02") == ["2013-02"]
    assert replay.months_of("2013-11..2014-02") == ["2013-11", "2013-12", "2014-01", "2014-02"]


@pytest.mark.parametrize(
    "text", ["", "May", "2013", "2013-2", "2013-13", "2013-00..2013-02", "2013-02-01", "2013-02.."]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(StageError, match=r"are no months: give MONTHS=2013-02"):
        replay.months_of(text)


def test_weeks_and_quarters_are_played_as_well() -> None:
    assert replay.months_of("2012-W52..2013-W02", "week") == ["2012-W52", "2013-W01", "2013-W02"]
    assert replay.months_of("2013-Q2", "quarter") == ["2013-Q2"]
    for text, unit in (("2013-W53", "week"), ("2013-02", "week"), ("2013-Q1..2013-05", "quarter")):
        with pytest.raises(StageError, match=f"are no {unit}s: give MONTHS=YYYY-"):
            replay.months_of(text, unit)  # type: ignore[arg-type]
    with pytest.raises(StageError, match=r"data\.unit is day, .* give week, month, quarter"):
        replay.months_of("2013-02-01", "day")


def test_months_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(StageError, match=r"give MONTHS=2013-02\.\.2013-04"):
        replay.months_of("2013-04..2013-02")


def test_speed_is_full_or_a_rate() -> None:
    assert replay.rate_of("full") is None
    assert replay.rate_of("100") == 100


@pytest.mark.parametrize("text", ["0", "-1", "fast", "1.5", "", "9999999", "FULL"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(StageError, match="is no speed: give SPEED=full"):
        replay.rate_of(text)


def labelled(schema: Schema, *values: bool | None) -> pl.DataFrame:
    return pl.DataFrame({schema.target: pl.Series(values, dtype=pl.Boolean)})


def test_a_month_needs_rows_and_both_kinds_of_labels(schema: Schema) -> None:
    rows = {
        "2013-01": labelled(schema, True, False),
        "2013-02": labelled(schema, True, None),
        "2013-03": labelled(schema, None),
    }
    replay.require(["2013-01"], rows, schema)
    with pytest.raises(StageError, match="no rows in 2013-04: it has 2013-01 to 2013-03"):
        replay.require(["2013-01", "2013-04"], rows, schema)
    for name in ("2013-02", "2013-03"):
        with pytest.raises(StageError, match=f"{name} has no labels of both kinds"):
            replay.require([name], rows, schema)


def test_every_row_of_the_source_is_in_its_month(
    project: Path, params: Params, schema: Schema
) -> None:
    found = replay.read_months(project, params, schema)
    assert sorted(found) == [f"2013-{month:02d}" for month in range(1, 13)]
    for name, rows in found.items():
        assert rows[schema.clock].dt.strftime("%Y-%m").unique().to_list() == [name]
        assert rows[schema.clock].is_sorted()
    # Flights that were cancelled are asked for as well, as nobody knows it yet.
    assert found["2013-02"][schema.target].null_count() > 0


@pytest.mark.parametrize(
    ("known", "first", "most", "start"),
    [
        (["2013-01", "2013-02"], "2013-02", 12, "2013-01"),
        (["2012-11", "2012-12", "2013-01"], "2013-02", 12, "2012-11"),
        (["2012-11", "2012-12", "2013-01"], "2013-02", 2, "2012-12"),
        # A gap ends it.
        (["2012-11", "2013-01"], "2013-02", 12, "2013-01"),
    ],
)
def test_the_first_model_has_the_months_before(
    known: list[str], first: str, most: int, start: str
) -> None:
    found = first_model.window_before(known, first, most)
    assert (found.start, found.end) == (start, shifted(first, -1))


def test_the_first_model_has_the_weeks_before_and_no_more_than_so_many_months() -> None:
    weeks = [f"2013-W{week:02d}" for week in range(1, 20)]
    assert str(first_model.window_before(weeks, "2013-W03", 12)) == "2012-12-31 to 2013-01-13"
    # A month before the last day, in whole weeks.
    assert str(first_model.window_before(weeks, "2013-W12", 1)) == "2013-02-18 to 2013-03-17"


def test_without_a_month_before_there_is_no_first_model() -> None:
    with pytest.raises(StageError, match="no rows in 2012-12: begin with 2013-02"):
        first_model.window_before(["2013-01", "2013-02"], "2013-01", 12)


def test_fewer_days_are_held_out_of_a_short_window(real_params: Params) -> None:
    one, five = Window(start="2013-01", end="2013-01"), Window(start="2013-01", end="2013-05")
    assert first_model.holdout_days(real_params, one) == real_params.part(Replay).holdout_days
    assert first_model.holdout_days(real_params, five) == real_params.prepare.holdout_days


def test_params_are_edited_where_they_stand(root: Path, real_params: Params) -> None:
    text = (root / "params.yaml").read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    held = yaml.safe_load(replaced(text, {"prepare.holdout_days": 5}))
    assert held["prepare"]["holdout_days"] == 5
    assert held["replay"] == before["replay"]
    gate = first_model.opened(real_params.gate.model_dump())
    edited = yaml.safe_load(replaced(text, {"gate": gate}))
    assert {key for key in before if before[key] != edited[key]} == {"gate"}
    assert model().model_validate(edited).gate == Gate.model_validate(gate)


def test_only_floors_are_opened(real_params: Params) -> None:
    gate = Gate.model_validate(first_model.opened(real_params.gate.model_dump()))
    assert gate.metrics["roc_auc"].minimum == 0
    # Too good to be true stays too good to be true.
    assert gate.metrics["roc_auc"].maximum == real_params.gate.metrics["roc_auc"].maximum
    assert gate.metrics["calibration_error"].maximum is None
    assert gate.champion == real_params.gate.champion
    assert (gate.latency, gate.size) == (real_params.gate.latency, real_params.gate.size)


def test_floors_are_opened_of_metrics_without_an_end(real_params: Params) -> None:
    found = real_params.gate.model_dump()
    found["metrics"] = {"r2": {"minimum": 0.2}, "mean_absolute_error": {"maximum": 10.0}}
    for metric, end in (("r2", "minimum"), ("mean_absolute_error", "maximum")):
        found["slices"] = {"metric": metric, end: 5.0}
        gate = Gate.model_validate(first_model.opened(found))
        # Of a price in yen, or of a model far worse than the mean.
        assert gate.metrics["r2"].minimum == -first_model.NEVER
        assert gate.metrics["mean_absolute_error"].maximum is None
        assert abs(getattr(gate.slices, end)) == first_model.NEVER


DAYS, A_DAY = 28, 40


@pytest.fixture
def month() -> dict[str, Any]:
    """Labels of a month, and two models: one that knows something, one that knows nothing."""
    generator = np.random.default_rng(1)
    signal = generator.normal(size=DAYS * A_DAY)
    label = (signal + generator.normal(size=len(signal)) > 0.5).astype(float)
    return {
        "label": label,
        "good": 1 / (1 + np.exp(0.5 - signal)),
        "poor": np.full(len(label), 0.3) + generator.normal(scale=0.01, size=len(label)),
        "day": np.repeat(np.arange(DAYS), A_DAY),
    }


def compared(
    month: dict[str, Any], live: str, frozen: str, params: Params, schema: Schema
) -> tuple[dict[str, Any], dict[str, Any]]:
    scores = Scores(params, schema, np.array([0.0] * 7 + [1.0] * 3))
    found = scores.compare(month["label"], month[live], {"frozen": month[frozen]}, month["day"])
    return found, scores.overall([found])


def test_a_better_model_gains_beyond_the_interval_and_a_worse_one_loses(
    month: dict[str, Any], real_params: Params, schema: Schema
) -> None:
    found, overall = compared(month, "good", "poor", real_params, schema)
    for metric in ("roc_auc", "log_loss"):
        gain = found["gains"]["frozen"][metric]
        assert 0 < gain["low"] < gain["value"] < gain["high"]
        # The mean over one month is that month.
        assert overall["frozen"][metric] == {**gain, "months": 1}
    assert found["live"]["roc_auc"] > 0.7
    assert found["live"]["roc_auc_low"] < found["live"]["roc_auc"] < found["live"]["roc_auc_high"]
    assert found["constant"]["roc_auc"] == 0.5
    assert found["base_rate"] == month["label"].mean()
    lost, _ = compared(month, "poor", "good", real_params, schema)
    assert lost["gains"]["frozen"]["roc_auc"]["high"] < 0


def test_the_same_model_gains_nothing(
    month: dict[str, Any], real_params: Params, schema: Schema
) -> None:
    found, _ = compared(month, "good", "good", real_params, schema)
    assert found["gains"]["frozen"]["roc_auc"] == {"value": 0, "low": 0, "high": 0}


def a_report(
    live: str, frozen: str, month: dict[str, Any], params: Params, schema: Schema
) -> dict[str, Any]:
    found, overall = compared(month, live, frozen, params, schema)
    alert = {"kind": "drift", "subject": "<temperature>", "message": "it has drifted"}
    control = {
        "month": "2013-01", "version": 1, "verdict": "healthy", "reason": "", "alerts": [],
        "statuses": {"200": 5},
    }  # fmt: skip
    months = [{
        "name": "2013-02", "rows": len(month["label"]), "versions": {"1": 500, "10": 20, "2": 9},
        "statuses": {"200": 60}, "verdict": "firing", "reason": "drift: <temperature>",
        "alerts": [alert], "outcome": "promoted", "why": "version 2 serves", "scores": found,
        "control": control, "seconds": 1.0,
    }]  # fmt: skip
    return {
        "seconds": 2.0, "first": {"window": "2013-01 to 2013-01", "refused": "roc_auc"},
        "months": months, "overall": overall,
        "false_alarms": replay_report.false_alarms(months),
        "conclusion": replay_report.conclusion(months, overall),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("live", "frozen", "said"),
    [
        ("good", "poor", "1 times promoted, beat the frozen model by ROC AUC"),
        ("poor", "good", "1 times promoted, lost to the frozen model by ROC AUC"),
        ("good", "good", "1 times promoted, neither beat nor lost to the frozen model by ROC AUC"),
    ],
)
def test_the_conclusion_says_which_way_it_went(
    live: str, frozen: str, said: str, month: dict[str, Any], real_params: Params, schema: Schema
) -> None:
    found = a_report(live, frozen, month, real_params, schema)
    assert said in found["conclusion"]
    won, lost = int(live != frozen and live == "good"), int(live != frozen and live == "poor")
    assert f"of 1 months surely better in {won}, surely worse in {lost}" in found["conclusion"]


def test_where_nothing_was_promoted_there_is_nothing_to_compare() -> None:
    found = replay_report.conclusion([{"outcome": "refused"}, {"outcome": "kept"}], {})
    assert found.startswith("no retrained model went live in 2 months")


def test_the_ends_of_an_interval_decide() -> None:
    assert replay_report.sure({"low": 0.001, "high": 0.002}) == 1
    assert replay_report.sure({"low": -0.001, "high": 0.002}) == 0
    assert replay_report.sure({"low": -0.002, "high": -0.001}) == -1
    assert replay_report.sure({"low": 0.0, "high": 0.0}) == 0


def test_metrics_that_disagree_are_said_to(month: dict[str, Any], real_params: Params) -> None:
    up, down = ({"value": v, "low": v, "high": v} for v in (0.1, -0.1))
    gains = {"roc_auc": up, "log_loss": down}
    months = [{"scores": {"gains": {"frozen": gains}}, "outcome": "promoted"}]
    found = replay_report.conclusion(months, {"frozen": gains})
    assert "beat the frozen model by ROC AUC" in found
    assert ", but lost to the frozen model by log loss" in found


def of_alarms(found: dict[str, Any]) -> str:
    """Return the sentence about false alarms."""
    (said,) = [one for one in replay_report.sentences(found) if one.startswith("false alarms: ")]
    return said


def test_false_alarms_are_counted_and_named(
    month: dict[str, Any], real_params: Params, schema: Schema
) -> None:
    found = a_report("good", "poor", month, real_params, schema)
    said = of_alarms(found)
    assert said == "false alarms: 0 of 1 months that were replayed from a training period fired"
    months = copy.deepcopy(found["months"]) * 3
    months[1] = {**months[1], "control": None}
    fired = {**months[0]["control"], "verdict": "firing", "reason": "drift: pressure"}
    months[2] = {**months[2], "control": fired}
    said = of_alarms({**found, "false_alarms": replay_report.false_alarms(months)})
    assert "false alarms: 1 of 2 months" in said
    assert "; 2013-01 of version 1: drift: pressure" in said


def test_text_and_page_say_the_same(
    month: dict[str, Any], real_params: Params, schema: Schema, tmp_path: Path
) -> None:
    found = a_report("good", "poor", month, real_params, schema)
    printed = replay_report.text(found)
    replay_page.write(tmp_path, real_params, found)
    path = (tmp_path / real_params.paths.replay_report).with_suffix(".html")
    page = path.read_text(encoding="utf-8")
    for said in ("1, 2, 10", "false alarms: 0 of 1 months", "the gate refused it: roc_auc"):
        assert said in printed
        assert said in page
    assert "promoted: version 2 serves" in printed
    assert "drift: <temperature>" in printed
    # What stands in the data is text on the page, not markup.
    assert "drift: &lt;temperature&gt;" in page
    assert "<temperature>" not in page
    assert page.count("<polyline") == 2
