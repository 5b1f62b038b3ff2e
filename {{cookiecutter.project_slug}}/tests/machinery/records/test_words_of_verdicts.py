"""What is read of verdicts and tags that anybody may have written, and how much of it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.records import definition, passed, verdict
from lifecycle.records.registry import Version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""), (None, "None"), ("one\ntwo", "one"), ("\x1b[2Kgone\t", "[2Kgone"),
        ("x" * 200, "x" * 200), ("x" * 201, "x" * 200 + "…"),
    ],
)  # fmt: skip
def test_of_a_strangers_text_a_line_is_said(text: object, said: str) -> None:
    assert verdict.short(text) == said


def test_what_a_report_does_not_say_it_is_not_about() -> None:
    found, wanted = {"a": 1, "b": None}, {"a": 1, "b": None, "c": None, "d": 2}
    assert verdict.differing(found, wanted) == ["c", "d"]
    assert verdict.differing({"a": 2}, {"a": 1}) == ["a"]


@pytest.mark.parametrize(
    ("found", "tags", "expected"),
    [({}, {}, {}), ({definition.HASH: "x"}, {}, {definition.HASH: None}),
     ({}, {definition.HASH: "y"}, {definition.HASH: "y"})],
)  # fmt: skip
def test_the_definition_counts_where_either_has_it(
    found: dict[str, Any], tags: dict[str, str], expected: dict[str, Any]
) -> None:
    known = dict.fromkeys(verdict.CONTENTS, "a")
    assert verdict.contents({**known, **tags}, found) == {**known, **expected}


@pytest.fixture
def report(real_params: Params, schema: Schema) -> Callable[..., dict[str, Any]]:
    """Make a report of a gate that every rule passed, against what is said."""

    def make(against: str | None, **changes: Any) -> dict[str, Any]:
        line = {"measured": "1", "required": "1", "verdict": "pass"}
        names = verdict.required_rules(real_params, schema, against)
        return {
            "verdict": "pass", "reason": "every rule holds", "champion": None, "base": None,
            "rules": [{"rule": name, **line} for name in names],
            **dict.fromkeys(verdict.CONTENTS, "a"), **changes,
        }  # fmt: skip

    return make


@pytest.mark.parametrize(
    ("champion", "base", "against"),
    [(None, None, None), (7, None, "champion version 7"),
     (None, "abcdef0123456789", "the model of base abcdef012345")],
)  # fmt: skip
def test_what_was_compared_is_asked_for(
    real_params: Params, schema: Schema, report: Callable[..., dict[str, Any]],
    champion: int | None, base: str | None, against: str | None,
) -> None:  # fmt: skip
    required = verdict.required_rules(real_params, schema, against)
    assert ("against the champion" in required) is (against is None)
    assert (f"against {against}" in required) is (against is not None)
    assert ("holdout unseen by the champion" in required) is (against is not None)
    made = verdict.passed(report(against, champion=champion, base=base), required)
    assert made.against == against
    # Without a list of what is required, no rule is missing and none is unknown.
    assert verdict.passed(report(None, champion=champion, base=base)).against == against
    with pytest.raises(StageError, match=r"rules that are (missing|no rules of)"):
        verdict.passed(report("another", champion=champion, base=base), required)


def test_a_rule_that_is_there_twice_is_refused(report: Callable[..., dict[str, Any]]) -> None:
    made = report(None)
    made["rules"].append(made["rules"][0])
    with pytest.raises(StageError, match="rules that are there twice"):
        verdict.passed(made)


@pytest.mark.parametrize("champion", [0, -1, 10**9])
def test_a_champion_has_the_number_of_a_version(
    report: Callable[..., dict[str, Any]], champion: int
) -> None:
    with pytest.raises(StageError, match="verdict is not one of the gate"):
        verdict.passed(report(None, champion=champion))


@pytest.mark.parametrize("text", ["", "[]", '{"verdict": "pass"}', '{"reason": 1}', "{"])
def test_what_gives_no_reason_is_no_verdict(text: str, tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StageError, match="is no verdict of the gate"):
        verdict.read(path)
    path.write_text('{"reason": "why"}', encoding="utf-8")
    assert verdict.read(path) == {"reason": "why"}


@pytest.mark.parametrize(("lacking", "more"), [(1, False), (5, False), (6, True)])
def test_five_tags_that_a_version_lacks_are_named(lacking: int, more: bool, tmp_path: Path) -> None:
    others = [tag for tag in passed.NEEDED if tag != "gate_verdict"]
    tags = dict.fromkeys(others[lacking:], "a") | {"gate_verdict": "pass"}
    found = passed.refusal(tmp_path, Version(1, tags, ""))
    names = ", ".join(others[: min(lacking, 5)])
    assert found == f"it leads back to nothing (it has no tag {names}{' and more' * more})"


def test_a_version_without_a_verdict_did_not_pass(tmp_path: Path) -> None:
    for tags, said in (({}, "missing"), ({"gate_verdict": "fail"}, "fail")):
        assert passed.refusal(tmp_path, Version(1, tags, "")) == (
            f"the gate did not pass it (its tag gate_verdict is {said})"
        )


def test_what_is_known_of_another_is_compared_tag_by_tag() -> None:
    known = {"model_md5": "a", "extra": "x"}
    assert passed.differing({"model_md5": "a", "extra": "x", "note": "y"}, known) == []
    assert passed.differing({"model_md5": "a", "threshold": "0.3"}, known) == ["extra", "threshold"]


NAMES = {"src/project/features.py": "a", "schema.yaml": "b"}


@pytest.mark.parametrize(
    "changes",
    [
        {definition.HASH: "0" * 32}, {definition.FILES: "{}"}, {definition.FILES: "["},
        {definition.HASH: None}, {definition.FILES: None},
        {**definition.tags({"../schema.yaml": "a"})}, {**definition.tags({"/etc/passwd": "a"})},
        {**definition.tags({"schema.yaml": 1})},  # type: ignore[dict-item]
    ],
)  # fmt: skip
def test_a_definition_that_was_written_by_hand_is_refused(changes: dict[str, Any]) -> None:
    tags = definition.tags(NAMES)
    assert definition.read(tags) == NAMES
    assert definition.read({}) == {}
    spoilt = {key: value for key, value in {**tags, **changes}.items() if value is not None}
    with pytest.raises(StageError, match="are none that `make release` gave"):
        definition.read(spoilt)


def test_hidden_files_and_the_one_that_fetches_define_nothing(tmp_path: Path) -> None:
    own = tmp_path / "src" / "project"
    for name in ("features.py", "source.py", ".x/a.py", "__pycache__/a.pyc", "tables/a.csv"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).touch()
    found = [path for path in definition.paths(tmp_path) if path.startswith("src/project")]
    assert found == ["src/project/features.py", "src/project/tables/a.csv"]
