"""Each rule of the gate with both verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.core.metric_names import scale
from lifecycle.core.params import ChampionRule, Gate, Params
from lifecycle.tasks import rules


@pytest.fixture
def gate(real_params: Params) -> Gate:
    """The real gate with limits that the tests can reckon with."""
    whole = real_params.gate.model_dump()
    whole["metrics"] = {
        "roc_auc": {"minimum": 0.6, "maximum": 0.9},
        "calibration_error": {"maximum": 0.1},
    }
    whole["baselines"] = {"metric": "roc_auc", "minimum_gain": 0.02}
    whole["slices"] = {"metric": "roc_auc", "minimum": 0.55}
    whole["disparity"] = {"maximum": 0.2}
    return Gate.model_validate(whole)


@pytest.fixture
def champion_rule() -> ChampionRule:
    return ChampionRule(metric="roc_auc", tolerance=0.01, resamples=200, confidence=0.95)


def passed(verdicts: list[rules.Verdict]) -> list[bool]:
    return [one.passed for one in verdicts]


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (0.75, True),
        (0.6, True),
        (0.9, True),
        (0.5999, False),
        (0.9001, False),
        (None, False),
        (float("nan"), False),
        (float("inf"), False),
        ("0.75", False),
    ],
)
def test_a_metric_lies_between_floor_and_ceiling(gate: Gate, value: Any, holds: bool) -> None:
    found = rules.limits({"roc_auc": value, "calibration_error": 0.05}, gate)
    assert passed(found) == [holds, True]


def test_a_metric_with_only_a_ceiling_has_no_floor(gate: Gate) -> None:
    assert passed(rules.limits({"roc_auc": 0.7, "calibration_error": 0.0}, gate)) == [True, True]
    assert passed(rules.limits({"roc_auc": 0.7, "calibration_error": 0.11}, gate)) == [True, False]


def test_a_metric_that_is_not_there_is_said_to_be_missing(gate: Gate) -> None:
    found = rules.limits({"roc_auc": 0.7}, gate)
    assert passed(found) == [True, False]
    assert found[1].as_dict() == {
        "rule": "calibration_error",
        "measured": "missing",
        "required": "<= 0.1",
        "verdict": "fail",
        "kind": "metric",
        "value": None,
        "interval": None,
        "minimum": None,
        "maximum": 0.1,
    }


def test_a_line_keeps_its_numbers_as_numbers(gate: Gate, champion_rule: ChampionRule) -> None:
    line = rules.limits({"roc_auc": 0.7123456, "calibration_error": 0.05}, gate)[0].as_dict()
    assert (line["measured"], line["required"]) == ("0.7123", ">= 0.6 and <= 0.9")
    assert line["verdict"] == "pass"
    assert (line["value"], line["minimum"], line["maximum"]) == (0.7123456, 0.6, 0.9)
    gained = rules.champion((0.02, 0.01, 0.03), "champion version 3", champion_rule).as_dict()
    assert (gained["kind"], gained["value"], gained["interval"]) == (
        rules.AGAINST, 0.02, (0.01, 0.03),
    )  # fmt: skip
    # What is no number is none in JSON either.
    none = float("nan")
    nothing = rules.champion((none, none, none), "champion version 3", champion_rule).as_dict()
    assert (nothing["value"], nothing["interval"], nothing["verdict"]) == (None, None, "fail")


def against_baselines(ours: Any, constant: Any, linear: Any, name: str = "roc_auc") -> Any:
    return {
        "metrics": {name: ours},
        "baselines": {"constant": {name: constant}, "linear": {name: linear}},
    }


@pytest.mark.parametrize(
    ("evaluation", "holds"),
    [
        (against_baselines(0.7, 0.5, 0.65), [True, True]),
        (against_baselines(0.7, 0.5, 0.69), [True, False]),
        (against_baselines(0.5, 0.5, 0.4), [False, True]),
        (against_baselines(0.7, None, 0.6), [False, True]),
        (against_baselines(None, 0.5, 0.6), [False, False]),
        ({"metrics": {"roc_auc": 0.7}, "baselines": {}}, [False, False]),
    ],
)
def test_the_model_beats_each_baseline(
    gate: Gate, evaluation: dict[str, Any], holds: list[bool]
) -> None:
    assert passed(rules.baselines(evaluation, gate)) == holds


def test_a_gain_as_large_as_is_required_is_enough(gate: Gate) -> None:
    rule = gate.baselines.model_copy(update={"minimum_gain": 0.25})
    exact = gate.model_copy(update={"baselines": rule})
    assert passed(rules.baselines(against_baselines(0.75, 0.5, 0.5001), exact)) == [True, False]


def test_a_loss_is_beaten_by_being_lower(gate: Gate) -> None:
    rule = gate.baselines.model_copy(update={"metric": "log_loss"})
    losses = gate.model_copy(update={"baselines": rule})
    found = rules.baselines(against_baselines(0.4, 0.6, 0.39, "log_loss"), losses)
    assert passed(found) == [True, False]


@pytest.mark.parametrize(("metric", "allowed"), [("r2", 0.01), ("mean_absolute_error", 0.25)])
def test_what_is_in_the_targets_unit_is_allowed_in_its_deviations(
    gate: Gate, champion_rule: ChampionRule, metric: str, allowed: float
) -> None:
    """A tolerance of 0.01 of a target whose deviation is 25."""
    evaluation = {**against_baselines(60.0, 60.3, 60.2, metric), "scale": 25.0}
    rule = gate.baselines.model_copy(update={"metric": metric, "minimum_gain": 0.01})
    found = rules.baselines(evaluation, gate.model_copy(update={"baselines": rule}))
    assert found[0].minimum == pytest.approx(allowed)
    compared = champion_rule.model_copy(update={"metric": metric})
    by = scale(metric, evaluation)
    assert rules.champion((1, -allowed, 2), "it", compared, scale=by).passed
    assert not rules.champion((1, -allowed * 1.01, 2), "it", compared, scale=by).passed


def slice_of(column: str, value: str, area: Any) -> dict[str, Any]:
    return {"slice": column, "value": value, "metrics": area}


@pytest.mark.parametrize(
    ("entries", "holds"),
    [
        ([("JFK", {"roc_auc": 0.7}), ("LGA", {"roc_auc": 0.55})], True),
        ([("JFK", {"roc_auc": 0.7}), ("LGA", {"roc_auc": 0.54})], False),
        ([("JFK", {"roc_auc": 0.7}), ("LGA", {"pr_auc": 0.6})], False),
        ([("JFK", {"roc_auc": 0.7}), ("LGA", {"roc_auc": float("nan")})], False),
        # Too few rows carry no metric; where that is so of all, nothing was measured.
        ([("JFK", {"roc_auc": 0.7}), ("LGA", None)], True),
        ([("JFK", None), ("LGA", None)], False),
    ],
)
def test_every_slice_reaches_the_floor(
    gate: Gate, entries: list[tuple[str, Any]], holds: bool
) -> None:
    evaluation = {"slices": [slice_of("origin", value, area) for value, area in entries]}
    assert passed(rules.slices(evaluation, gate)) == [holds]


def test_the_worst_slice_is_named(gate: Gate) -> None:
    entries = [("origin", "JFK", 0.7), ("origin", "LGA", 0.5), ("carrier", "UA", 0.6)]
    evaluation = {"slices": [slice_of(c, v, {"roc_auc": area}) for c, v, area in entries]}
    found = rules.slices(evaluation, gate)
    assert [one.rule for one in found] == ["slices of origin", "slices of carrier"]
    assert found[0].measured == "worst of 2: LGA 0.5000"
    assert passed(found) == [False, True]


@pytest.mark.parametrize(
    ("rule", "values", "worst", "holds"),
    [
        ({"metric": "log_loss", "maximum": 0.7}, [0.3, 0.9], "UA 0.9000", False),
        ({"metric": "log_loss", "maximum": 0.7}, [0.3, 0.7], "UA 0.7000", True),
        ({"metric": "brier", "maximum": 0.2}, [0.21, 0.1], "AA 0.2100", False),
        ({"metric": "calibration_error", "maximum": 0.1}, [0.05, 0.1], "UA 0.1000", True),
        # With both ends, what is too good fails too.
        ({"metric": "log_loss", "minimum": 0.1, "maximum": 0.7}, [0.05, 0.6], "AA 0.0500", False),
        ({"metric": "roc_auc", "minimum": 0.5, "maximum": 0.9}, [0.6, 0.95], "UA 0.9500", False),
        ({"metric": "roc_auc", "minimum": 0.5, "maximum": 0.9}, [0.4, 0.95], "AA 0.4000", False),
        ({"metric": "roc_auc", "minimum": 0.5, "maximum": 0.9}, [0.6, 0.8], "AA 0.6000", True),
    ],
)
def test_the_worst_slice_is_the_worst_by_the_metrics_own_direction(
    gate: Gate, rule: dict[str, Any], values: list[float], worst: str, holds: bool
) -> None:
    whole = Gate.model_validate({**gate.model_dump(), "slices": rule})
    evaluation = {
        "slices": [slice_of("carrier", name, {rule["metric"]: value})
                   for name, value in zip(["AA", "UA"], values, strict=True)]
    }  # fmt: skip
    (found,) = rules.slices(evaluation, whole)
    assert (found.measured, found.passed) == (f"worst of 2: {worst}", holds)


def test_a_column_without_a_slice_to_measure_hides_no_other(gate: Gate) -> None:
    evaluation = {"slices": [slice_of("origin", "JFK", None),
                             slice_of("carrier", "UA", {"roc_auc": 0.6})]}  # fmt: skip
    assert passed(rules.slices(evaluation, gate)) == [False, True]


def test_slices_that_show_the_same_name_are_all_judged(gate: Gate) -> None:
    # Values that schema.yaml does not list are shown as one word.
    entries = [("(private)", 0.5), ("(private)", 0.7)]
    evaluation = {"slices": [slice_of("origin", v, {"roc_auc": area}) for v, area in entries]}
    (found,) = rules.slices(evaluation, gate)
    assert (found.measured, found.passed) == ("worst of 2: (private) 0.5000", False)


@pytest.mark.parametrize(
    ("groups", "value", "holds"),
    [(2, 0.2, True), (2, 0.21, False), (1, 0.0, False), (0, 0.0, False)],
)
def test_groups_differ_by_no_more_than_allowed(
    gate: Gate, groups: int, value: float, holds: bool
) -> None:
    rates = {"true_positive_rate": value, "false_positive_rate": 0.1}
    fairness = {"origin": {"groups": [{}] * groups, "disparity": rates}}
    found = rules.disparity({"fairness": fairness}, gate)
    assert found[0].passed is holds
    said = (f"{value:.4f}", value) if groups > 1 else ("fewer than two groups", None)
    assert (found[0].measured, found[0].value) == said


@pytest.mark.parametrize(
    ("gain", "holds"),
    [
        ((0.02, 0.01, 0.03), True),
        ((0.001, -0.009, 0.02), True),
        ((0.001, -0.01, 0.02), True),
        ((0.001, -0.011, 0.02), False),
        ((0.0, 0.0, 0.0), False),
        ((0.0, 0.001, 0.001), False),
        ((-0.02, -0.03, -0.01), False),
        ((float("nan"), float("nan"), float("nan")), False),
    ],
)
def test_the_challenger_is_better_and_surely_not_worse(
    champion_rule: ChampionRule, gain: tuple[float, float, float], holds: bool
) -> None:
    assert rules.champion(gain, "champion version 3", champion_rule).passed is holds


@pytest.mark.parametrize(
    ("is_same", "least"),
    [(False, "> 0 (a tie does not promote)"), (True, ">= 0 (the same model)")],
)
def test_what_the_champion_asks_for_is_said(
    champion_rule: ChampionRule, is_same: bool, least: str
) -> None:
    found = rules.champion((0.02, 0.01, 0.03), "it", champion_rule, is_same=is_same)
    assert (found.required, found.minimum) == (f"{least}, lower bound >= -0.01", 0)
