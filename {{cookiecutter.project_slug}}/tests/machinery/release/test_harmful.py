"""Where params.yaml asks for it, the gate refuses what an ablation found to harm; else nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json, write_json
from lifecycle.core.params import AblationRule, Params
from lifecycle.records import ablation, verdict
from lifecycle.release import gate


@pytest.fixture
def asking(params: Params) -> Params:
    """Parameters by which the gate refuses what harms."""
    rule = AblationRule(refuse_harmful=True)
    return params.model_copy(update={"gate": params.gate.model_copy(update={"ablation": rule})})


def found(project: Path, params: Params, **verdicts: str) -> None:
    """Write what an ablation of the model that is here has found."""
    entries: list[dict[str, Any]] = [
        {"name": name, "verdict": one, "gain": -0.01} for name, one in verdicts.items()
    ]
    report = {"about": ablation.about(project, params), "features": entries[1:],
              "groups": entries[:1]}  # fmt: skip
    write_json(project / params.paths.ablation_report, report)


def test_off_it_is_no_rule_whatever_harms(project: Path, params: Params, schema: Schema) -> None:
    found(project, params, weather="harms", wind="harms")
    assert gate.gate(project, params, schema) == "pass"
    rules = [one["rule"] for one in read_json(project / params.paths.gate_report)["rules"]]
    assert rules == verdict.required_rules(params, schema, None)
    assert ablation.RULE not in rules


def test_on_it_lets_through_what_is_unproven_and_refuses_what_harms(
    project: Path, asking: Params, schema: Schema
) -> None:
    found(project, asking, weather="unproven", wind="earns")
    assert gate.gate(project, asking, schema) == "pass"
    report = read_json(project / asking.paths.gate_report)
    assert report["rules"][-1]["rule"] == ablation.RULE
    verdict.passed(report, verdict.required_rules(asking, schema, None))
    found(project, asking, weather="harms", wind="earns", gust="harms")
    with pytest.raises(StageError, match="failed: no feature harms; nothing is released"):
        gate.gate(project, asking, schema)
    line = read_json(project / asking.paths.gate_report)["rules"][-1]
    assert (line["measured"], line["verdict"]) == ("gust -0.0100; weather -0.0100", "fail")
    assert (line["value"], line["maximum"]) == (2, 0)


def test_on_it_refuses_a_report_about_another_model_in_one_line(
    project: Path, asking: Params, schema: Schema
) -> None:
    with pytest.raises(StageError, match=r"^reports/ablation.json is missing: run `make ablate`$"):
        gate.gate(project, asking, schema)
    found(project, asking, weather="earns")
    other = asking.model_copy(update={"train": asking.train.model_copy(update={"seed": 1})})
    with pytest.raises(StageError, match=r"about this model \(train differ\): run `make ablate`$"):
        gate.gate(project, other, schema)
    assert read_json(project / other.paths.gate_report)["verdict"] == "fail"
