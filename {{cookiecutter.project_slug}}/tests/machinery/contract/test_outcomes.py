"""What each task makes of its scores: decisions, answers, what is counted and what is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from lifecycle.contract.columns import FIGURES, Column, Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.answer import answer_model, decision, departures, differs
from lifecycle.contract.outcome.outcome import Deciding, Outcome

CLASSES = ("none", "short", "long")
TARGETS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "two texts": {"type": "category", "categories": ("yes", "no"), "positive": "yes"},
    "classes": {"type": "category", "categories": CLASSES},
    "number": {"type": "float", "unit": "minutes"},
}
DECIDING = {
    "boolean": Deciding(threshold=0.3), "two texts": Deciding(threshold=0.3),
    "classes": Deciding(), "number": Deciding(interval=(-2.0, 3.0), tolerance=0.5, middle=10.0),
}  # fmt: skip
SCORES = {
    "boolean": np.array([0.1, 0.3, 0.9], np.float32),
    "two texts": np.array([0.1, 0.3, 0.9], np.float32),
    "classes": np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.4, 0.2, 0.4]], np.float32),
    "number": np.array([-1.5, 0.0, 10.25], np.float32),
}
DECIDED: dict[str, list[Any]] = {
    "boolean": [False, True, True], "two texts": ["no", "yes", "yes"],
    "classes": ["none", "short", "none"], "number": [-1.5, 0.0, 10.25],
}  # fmt: skip


def schema(kind: str) -> Schema:
    return Schema.model_validate({"columns": {
        "at": {"type": "datetime", "roles": ["key", "time"], "description": "When"},
        "size": {"type": "float", "roles": ["feature"], "description": "How large"},
        "delay": {"roles": ["target"], "description": "What came", **TARGETS[kind]},
    }})  # fmt: skip


def outcome(kind: str) -> Outcome:
    return chosen.of(schema(kind))


@pytest.mark.parametrize(
    ("kind", "task"),
    [("boolean", "binary"), ("two texts", "binary"), ("classes", "multiclass"),
     ("number", "regression")],
)  # fmt: skip
def test_the_targets_column_makes_the_task(kind: str, task: str) -> None:
    assert schema(kind).task == task
    assert schema(kind).classes == (CLASSES if task == "multiclass" else ())


@pytest.mark.parametrize("kind", TARGETS)
def test_what_is_decided_is_answered_and_fits_the_document(kind: str) -> None:
    one, by, scores = outcome(kind), DECIDING[kind], SCORES[kind]
    decided = one.decide(scores, by)
    assert decided == DECIDED[kind]
    answers = one.answers(scores.tolist(), decided, by)
    assert [decision(answer) for answer in answers] == [{"delay": value} for value in decided]
    for answer in answers:
        assert set(answer) <= {"delay", *FIGURES}
    model = answer_model(one, BaseModel)
    said = {"model_version": "1", "request_id": "a", "predictions": answers}
    assert model.model_validate(said, strict=True).model_dump(exclude_unset=True) == said
    # What an answer tells is the score, to the last bit.
    told = np.array([one.of_answer(answer) for answer in answers], np.float32)
    np.testing.assert_array_equal(told, scores)


def test_the_document_names_every_class() -> None:
    told = answer_model(outcome("classes"), BaseModel).model_json_schema()["$defs"]["Prediction"]
    shares = told["properties"]["probabilities"]
    assert set(shares["properties"]) == set(shares["required"]) == set(CLASSES)
    assert shares["additionalProperties"] is False
    assert told["properties"]["delay"]["enum"] == list(CLASSES)


@pytest.mark.parametrize("kind", TARGETS)
def test_an_answer_that_lacks_a_field_or_has_another_type_does_not_fit(kind: str) -> None:
    one, by = outcome(kind), DECIDING[kind]
    (answer, *_) = one.answers(SCORES[kind].tolist(), DECIDED[kind], by)
    model = answer_model(one, BaseModel)
    for name in answer:
        for wrong in ({k: v for k, v in answer.items() if k != name}, {**answer, name: None}):
            said = {"model_version": "1", "request_id": "a", "predictions": [wrong]}
            with pytest.raises(ValidationError):
                model.model_validate(said, strict=True)
            assert departures(wrong, answer) == [name]
    assert departures(answer, answer) == []


def test_a_number_has_its_interval() -> None:
    one = outcome("number")
    answers = one.answers(SCORES["number"].tolist(), DECIDED["number"], DECIDING["number"])
    assert answers[2] == {"delay": 10.25, "lower": 8.25, "upper": 13.25}
    assert one.beside(SCORES["number"], DECIDING["number"]) == {
        "lower": [-3.5, -2.0, 8.25], "upper": [1.5, 3.0, 13.25],
    }  # fmt: skip


def test_of_classes_each_has_its_probability() -> None:
    one = outcome("classes")
    (first, *_) = one.answers(SCORES["classes"].tolist(), DECIDED["classes"], Deciding())
    assert first == {
        "probability": 0.5, "probabilities": {"none": 0.5, "short": 0.25, "long": 0.25},
        "delay": "none",
    }  # fmt: skip
    assert one.figure(SCORES["classes"]).tolist() == pytest.approx([0.5, 0.5, 0.4])


@pytest.mark.parametrize(
    ("kind", "counted"),
    [("boolean", {"true": 2, "false": 1}), ("two texts", {"yes": 2, "no": 1}),
     ("classes", {"none": 2, "short": 1}), ("number", {})],
)  # fmt: skip
def test_decisions_are_counted_by_their_names(kind: str, counted: dict[str, int]) -> None:
    one = outcome(kind)
    assert one.count(DECIDED[kind]) == counted
    assert set(counted) <= set(one.counted)


@pytest.mark.parametrize("kind", TARGETS)
def test_the_figures_of_plain_values_are_those_of_arrays(kind: str) -> None:
    one, scores = outcome(kind), SCORES[kind]
    assert list(one.figures(scores.tolist())) == one.figure(scores).tolist()


@pytest.mark.parametrize(
    ("kind", "one", "other", "is_other"),
    [
        ("boolean", True, True, False), ("boolean", True, False, True), ("boolean", True, 1, True),
        ("two texts", "yes", "no", True), ("two texts", "yes", True, True),
        ("classes", "long", "long", False), ("classes", "long", "short", True),
        ("number", 10.0, 10.5, False), ("number", 10.0, 10.51, True), ("number", 10, 10.0, False),
        ("number", 10.0, "10.0", True), ("number", 10.0, None, True),
    ],
)  # fmt: skip
def test_two_rows_are_decided_otherwise(kind: str, one: Any, other: Any, is_other: bool) -> None:
    task, by = outcome(kind), DECIDING[kind]
    assert differs(task, by, {"delay": one}, {"delay": other}) is is_other
    assert differs(task, by, {"delay": other}, {"delay": one}) is is_other
    assert differs(task, by, {"delay": one}, {"delay": one, "more": 1})
    assert differs(task, by, {"delay": one}, {"late": one})


@pytest.mark.parametrize("kind", ["boolean", "two texts", "number"])
def test_what_is_missing_to_decide_by_is_said(kind: str) -> None:
    with pytest.raises(StageError, match="threshold" if kind != "number" else "no interval"):
        outcome(kind).require(Deciding())
    outcome(kind).require(DECIDING[kind])


def test_contributions_are_those_of_what_was_decided() -> None:
    values = np.arange(3 * 3 * 2).reshape(3, 3, 2)
    found = outcome("classes").contributions(values, SCORES["classes"])
    np.testing.assert_array_equal(found, values[[0, 1, 2], [0, 1, 0]])
    for kind in ("boolean", "number"):
        np.testing.assert_array_equal(outcome(kind).contributions(values, SCORES[kind]), values)


def test_a_shift_of_a_number_is_measured_in_deviations_of_what_was_predicted() -> None:
    assert outcome("number").unit(DECIDING["number"]) == pytest.approx(5)
    assert outcome("boolean").unit(DECIDING["boolean"]) == 1
    buckets = outcome("number").buckets(DECIDING["number"])
    assert list(buckets) == sorted(set(buckets)) and min(buckets) < 10 < max(buckets)
    # A constant has no spread: buckets have to differ all the same.
    flat = Deciding(interval=(0.0, 0.0), tolerance=0.0, middle=4.0)
    assert len(set(outcome("number").buckets(flat))) == len(buckets)


@pytest.mark.parametrize("name", FIGURES)
def test_a_target_is_not_called_as_a_field_beside_it(name: str) -> None:
    column = {"type": "boolean", "roles": ["target"], "description": "What came"}
    columns = {**schema("boolean").model_dump()}
    kept = {one["name"]: {k: v for k, v in one.items() if k != "name"} for one in columns["columns"]
            if one["name"] != "delay"}  # fmt: skip
    with pytest.raises(ValidationError, match="answers have a field of that name"):
        Schema.model_validate({"columns": {**kept, name: column}})


def test_a_column_of_the_target_alone_has_a_positive_value() -> None:
    with pytest.raises(ValidationError, match="only the target has a positive category"):
        Column(name="a", type="category", categories=("x", "y"), positive="x", roles=("feature",),
               description="A")  # fmt: skip
