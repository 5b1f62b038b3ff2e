"""A file that says `pass` is no verdict: each forgery is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import parse_strict, read_json, write_json
from lifecycle.core.command import run
from lifecycle.core.params import Params
from lifecycle.records import registry, verdict
from lifecycle.release import gate, register

Report = dict[str, Any]
Forge = Callable[[Report], object]
NOT_ONE = "the gate's verdict is not one of the gate"
NOT_HELD = "the gate's verdict does not hold: rules that "
STALE = "the gate's verdict is not about this model"
NOT_READ = "reports/gate.json is no verdict of the gate"


def only(report: Report, number: int, **changes: Any) -> None:
    """Change one rule's line."""
    report["rules"][number].update(changes)


FORGED: list[tuple[str, Forge, str]] = [
    ("another word", lambda r: r.update(verdict="approved by me"), f"{NOT_ONE} (verdict: "),
    ("a word in capitals", lambda r: r.update(verdict="PASS"), f"{NOT_ONE} (verdict: "),
    ("a word with a space", lambda r: r.update(verdict="pass "), f"{NOT_ONE} (verdict: "),
    ("true", lambda r: r.update(verdict=True), f"{NOT_ONE} (verdict: "),
    ("null", lambda r: r.update(verdict=None), f"{NOT_ONE} (verdict: "),
    ("a list", lambda r: r.update(verdict=["pass"]), f"{NOT_ONE} (verdict: "),
    ("no verdict", lambda r: r.pop("verdict"), f"{NOT_ONE} (verdict: "),
    ("unchanged", lambda r: r.update(verdict="unchanged"), "calls another model unchanged"),
    ("no reason", lambda r: r.pop("reason"), NOT_READ),
    ("no rules", lambda r: r.pop("rules"), f"{NOT_ONE} (rules: Field required"),
    ("an empty list of rules", lambda r: r.update(rules=[]), f"{NOT_ONE} (rules: "),
    ("rules as a word", lambda r: r.update(rules="pass"), f"{NOT_ONE} (rules: "),
    ("rules as a mapping", lambda r: r.update(rules={"all": "pass"}), f"{NOT_ONE} (rules: "),
    ("a rule that failed", lambda r: only(r, 0, verdict="fail"), f"{NOT_HELD}failed: roc_auc"),
    ("a rule with another word", lambda r: only(r, 0, verdict="ok"), f"{NOT_ONE} (rules.0.verdict"),
    ("a rule without verdict", lambda r: r["rules"][0].pop("verdict"), f"{NOT_ONE} (rules.0."),
    ("a rule with more", lambda r: only(r, 0, note="trust me"), f"{NOT_ONE} (rules.0.note"),
    ("a figure for a text", lambda r: only(r, 0, measured=0.99), f"{NOT_ONE} (rules.0.measured"),
    ("a rule left out", lambda r: r["rules"].pop(0), f"{NOT_HELD}are missing: roc_auc"),
    ("a rule renamed", lambda r: only(r, 0, rule="roc auc"), f"{NOT_HELD}are missing: roc_auc"),
    ("a rule twice", lambda r: r["rules"].append(r["rules"][1]), f"{NOT_HELD}are there twice"),
    (
        "a rule of nobody", lambda r: r["rules"].append({**r["rules"][0], "rule": "mine"}),
        f"{NOT_HELD}are no rules of params.yaml: mine",
    ),
    (
        "compared with nobody known",
        lambda r: next(line for line in r["rules"] if line["rule"] == "against the champion")
        .update(rule="against champion version 7"),
        f"{NOT_HELD}are missing: against the champion",
    ),
    ("another champion", lambda r: r.update(champion=7), f"{STALE} (champion differ)"),
    ("another base", lambda r: r.update(base="0" * 40), f"{STALE} (base differ)"),
    *(
        (f"another {key}", lambda r, key=key: r.update({key: "0" * 32}), f"{STALE} ({key} differ)")
        for key in (*verdict.CONTENTS, "predictions_md5", "definition_md5")
    ),
    *(
        (f"no {key}", lambda r, key=key: r.pop(key), f"{STALE} ({key} differ)")
        for key in (*verdict.CONTENTS, "champion", "definition_md5")
    ),
    ("a hash of another type", lambda r: r.update(model_md5=[1]), f"{STALE} (model_md5 differ)"),
]  # fmt: skip

TEXTS = [
    (b"", NOT_READ), (b"pass", NOT_READ), (b'"pass"', NOT_READ), (b"[]", NOT_READ),
    (b"null", NOT_READ), (b"\xff\xfe", NOT_READ), (b'{"verdict": "pass"', NOT_READ),
    (b'{"verdict": "fail", "verdict": "pass", "reason": ""}', f"{NOT_READ} (a key is there twice)"),
    (b'{"verdict": "pass", "reason": "", "n": NaN}', f"{NOT_READ} (NaN is no number)"),
    (b'{"verdict": "pass", "reason": "", "n": 1e999}', f"{NOT_READ} (a number is out of range)"),
    (b"[" * 100_000, f"{NOT_READ} (it is nested too deep)"),
    (b'{"verdict": "pass", "reason": 1}', NOT_READ),
    (b'{"verdict": "fail", "reason": "\\u001b[2J' + b"x" * 9000 + b'"}', "the gate failed ([2Jxxx"),
]  # fmt: skip


@pytest.fixture(scope="module")
def passing(
    pipeline: Path, tmp_path_factory: pytest.TempPathFactory, params: Params, schema: Schema
) -> Report:
    """The report of a gate that let the model through."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pipeline)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert gate.gate(pipeline, params, schema) == "pass"
        found: Report = read_json(pipeline / params.paths.gate_report)
        (pipeline / params.paths.gate_report).unlink()
    return found


def refused(project: Path, params: Params, capsys: pytest.CaptureFixture[str]) -> str:
    """Register as `make release` does; it must stop with one line, which is returned."""
    with pytest.raises(SystemExit) as stopped:
        run("register", register.main)
    assert stopped.value.code == 1
    line = capsys.readouterr().err
    assert line.startswith("register: ")
    assert line.count("\n") == 1
    assert len(line) < 500
    assert registry.connect(project, params).all() == []
    return line


def test_what_is_no_verdict_registers_nothing(
    project: Path, params: Params, passing: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / params.paths.gate_report
    for text, words in TEXTS:
        path.write_bytes(text)
        assert words in refused(project, params, capsys), text[:60]
    for name, forge, words in FORGED:
        report = json.loads(json.dumps(passing))
        forge(report)
        path.write_text(json.dumps(report), encoding="utf-8")
        assert words in refused(project, params, capsys), name


def test_a_verdict_that_is_right_in_everything_but_the_model_is_judged_again(
    project: Path, params: Params, schema: Schema, passing: Report,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Its rules, its hashes, its form: all is as the gate writes it, and the model is refused."""
    evaluation = read_json(project / params.paths.evaluation_report)
    evaluation["metrics"]["roc_auc"] = 0.1
    write_json(project / params.paths.evaluation_report, evaluation)
    with pytest.raises(StageError, match="failed: roc_auc, beats the constant model"):
        gate.gate(project, params, schema)
    found = read_json(project / params.paths.gate_report)
    lines = [{**line, "verdict": "pass"} for line in found["rules"]]
    report = {**found, "verdict": "pass", "reason": "every rule holds", "rules": lines}
    assert report.keys() == passing.keys()
    write_json(project / params.paths.gate_report, report)
    assert "judged again, the model fails roc_auc" in refused(project, params, capsys)


def test_the_gate_writes_what_is_required(params: Params, schema: Schema, passing: Report) -> None:
    report = verdict.passed(passing, verdict.required_rules(params, schema, None))
    assert sorted(line.rule for line in report.rules) == sorted(
        verdict.required_rules(params, schema, report.against)
    )
    others = {**passing, "champion": 3}
    assert verdict.passed(others).against == "champion version 3"


@pytest.mark.parametrize("lost", ["slices", "fairness"])
def test_a_rule_that_nothing_was_measured_for_fails_the_gate(
    project: Path, params: Params, schema: Schema, lost: str
) -> None:
    """An evaluation that lacks a slice or a group would otherwise be asked less."""
    evaluation = read_json(project / params.paths.evaluation_report)
    evaluation[lost] = type(evaluation[lost])()
    write_json(project / params.paths.evaluation_report, evaluation)
    with pytest.raises(StageError, match=r"failed: (slices|disparity) of "):
        gate.gate(project, params, schema)


def test_json_of_strangers_is_read_strictly() -> None:
    assert parse_strict(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    for text in (b'{"a": 1, "a": 1}', b"Infinity", b"-Infinity", b"1e400", b'{"a":' * 90_000):
        with pytest.raises(ValueError, match=r"key|number|deep"):
            parse_strict(text)
