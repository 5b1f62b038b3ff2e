"""The report leads with the verdict, has the right signs, and fits a comment."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core import failure
from lifecycle.core.params import Params
from lifecycle.delivery import compare, compare_report, github
from lifecycle.pages import compare_plots

LOG = """Stage 'ingest' didn't change, skipping
Stage 'validate' is cached - skipping run, checking out outputs
Running stage 'train':
> python -m lifecycle train
train: 10 rows
"""
STOPPED = """Running stage 'validate':
> python -m lifecycle validate
validate: 2 of 79 expectations failed, first origin
ERROR: failed to reproduce 'validate': failed to run: python -m lifecycle validate
"""


def line(name: str, base: float, change: float, *interval: float) -> dict[str, Any]:
    found = compare.difference(name, change, base)
    return {**found, **({"interval": list(interval)} if interval else {})}


def found(**changes: Any) -> dict[str, Any]:
    """What compare finds in a change that is good."""
    slices = [{"slice": "origin", "value": "JFK", "rows": 400, **line("roc_auc", 0.6, 0.65)},
              {"slice": "origin", "value": "LGA", "rows": 300, **line("roc_auc", 0.7, 0.66)},
              ]  # fmt: skip
    curve = [{"rows": 5, "predicted": 0.1, "observed": 0.2}]
    scores = {
        "rows": 1000, "slices": slices, "calibration": {"base": curve, "change": curve},
        "metrics": [line("roc_auc", 0.65, 0.70, 0.03, 0.07), line("pr_auc", 0.4, 0.3),
                    line("log_loss", 0.5, 0.48, -0.03, 0.01)],
    }  # fmt: skip
    rules = [{"rule": "roc_auc", "measured": "0.7", "required": ">= 0.6", "verdict": "pass"}]
    return {
        "commit": "c" * 40, "base": "b" * 40, "verdict": "pass", "reason": "every rule holds",
        "rules": rules, "stages": compare.stages(LOG), "params": [], "no_scores": None,
        "lock_is_current": True,
        "scores": scores,
        "validation": {"passed": True, "rows": 51513, "checked": 79, "failed": []}, **changes,
    }  # fmt: skip


def test_dvc_is_quoted() -> None:
    assert compare.stages(LOG) == {
        "ingest": "didn't change", "validate": "is cached", "train": "ran",
    }  # fmt: skip


def test_why_the_line_stopped_is_read_from_the_record_of_it(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").touch()
    assert compare.stopped(tmp_path, LOG) is None
    # Killed, the stage left none.
    assert compare.stopped(tmp_path, STOPPED) == "the pipeline stopped at validate: see its log"
    said = "2 of 79 expectations failed, first origin"
    failure.keep(tmp_path, "validate", StageError(said, about=["origin"]))
    for log in (STOPPED, ""):
        assert compare.stopped(tmp_path, log) == f"the pipeline stopped at validate: {said}"
    # What it was part of says so too.
    found = failure.read(tmp_path)
    assert found is not None
    failure.keep(tmp_path, "lifecycle", StageError("stopped", reason=said, step="validate"))
    assert compare.stopped(tmp_path, "") == f"the pipeline stopped at validate: {said}"
    failure.keep(tmp_path, "retrain", failure.passed_on(found))
    assert compare.stopped(tmp_path, LOG) == (
        f"the retrain stopped, everything is as before: validate: {said}"
    )
    # One that did not begin, or another command, says nothing about the pipeline.
    for command in ("retrain", "deploy"):
        failure.keep(tmp_path, command, StageError("END is no month"))
        assert compare.stopped(tmp_path, "retrain: gate: failed: roc_auc\n") is None


def test_the_verdict_comes_first(real_params: Params) -> None:
    first, _, reason, *_ = compare_report.render(found(), real_params).splitlines()
    assert first == "## ✅ Good: roc_auc +0.0500 against base (better)"
    assert reason == "**Why:** every rule holds."


@pytest.mark.parametrize(
    ("name", "base", "change", "interval", "word"),
    [
        ("roc_auc", 0.6, 0.7, (0.05, 0.2), "better"),
        ("roc_auc", 0.7, 0.6, (-0.2, -0.05), "worse"),
        ("roc_auc", 0.6, 0.61, (-0.01, 0.03), "better?"),
        ("log_loss", 0.6, 0.7, (0.05, 0.2), "worse"),
        ("log_loss", 0.7, 0.6, (-0.2, -0.05), "better"),
        ("calibration_error", 0.1, 0.05, (), "better"),
        ("pr_auc", 0.1, 0.05, (), "worse"),
        ("pr_auc", 0.1, 0.1, (), "same"),
    ],
)
def test_a_difference_is_said_in_a_word(
    name: str, base: float, change: float, interval: tuple[float, ...], word: str
) -> None:
    assert compare_report.meaning(line(name, base, change, *interval)) == word


def test_an_interval_is_drawn_around_zero() -> None:
    drawn = compare_report.picture(0.05, -0.1, 0.1).strip("`")
    assert len(drawn) == compare_report.WIDTH
    assert drawn[0] == drawn[-1] == "─"
    assert drawn.index("●") > drawn.index("│") == len(drawn) // 2
    assert set(compare_report.picture(0.0, 0.0, 0.0).strip("`")) == {"·", "●"}


def test_every_table_has_as_many_cells_in_each_row(real_params: Params) -> None:
    params = [{"key": "a|b", "base": "`x`|", "change": "two\nlines" * 50}]
    rules = [{"rule": "r", "measured": "a|b", "required": "", "verdict": "fail"}]
    text = compare_report.render(found(params=params, rules=rules, verdict="fail"), real_params)
    tables = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(tables) >= 5
    for block in tables:
        assert len({row.count("|") for row in block.splitlines() if row.startswith("|")}) == 1
    assert "Rules that do not hold" in text.partition("<details>")[0]


def test_what_broke_is_shown(real_params: Params, tmp_path: Path) -> None:
    failed = [{"column": "origin", "rule": "expect_x", "count": 7, "share": 0.5}]
    data = {"passed": False, "rows": 14, "checked": 79, "failed": failed}
    text = compare_report.render(found(
        verdict="stopped", reason=compare.stopped(tmp_path, STOPPED), scores=None, rules=[],
        validation=data, no_scores="there is no new model to compare",
    ), real_params)  # fmt: skip
    assert text.startswith("## ❌ Stopped: there is no model to judge\n")
    assert "**1 of 79 expectations do not hold** on 14 rows" in text
    assert "| `origin` | x | 7 | 50.00% |" in text


def test_a_lock_that_is_not_current_is_said_so(real_params: Params) -> None:
    words = "`dvc.lock` of this commit is not what the pipeline made"
    assert words in compare_report.render(found(lock_is_current=False), real_params)
    assert words not in compare_report.render(found(), real_params)


def test_it_fits_a_comment_and_keeps_its_marker(real_params: Params) -> None:
    rules = [
        {"rule": "r" * 200, "measured": "m" * 200, "required": "q", "verdict": "fail"}
        for _ in range(400)
    ]
    text = compare_report.render(found(rules=rules, verdict="fail"), real_params)
    assert len(text) < 65_000
    assert text.endswith(f"{compare_report.MARKER}\n")
    assert compare_report.MARKER == github.MARKER


def test_the_largest_loss_is_the_first_slice(real_params: Params) -> None:
    text = compare_report.render(found(), real_params)
    assert "Slices, roc_auc: 1 better, 1 worse, 0 same" in text
    assert text.index("`LGA`") < text.index("`JFK`")


def test_the_largest_loss_is_the_largest_gain_of_a_figure_that_is_better_when_lower(
    real_params: Params,
) -> None:
    change = found()
    change["scores"]["slices"] = [
        {"slice": "origin", "value": name, "rows": 400, **line("log_loss", 0.5, loss)}
        for name, loss in (("EWR", 0.45), ("JFK", 0.6), ("LGA", 0.55))
    ]
    for drawn in (compare_report.render(change, real_params),
                  compare_plots.draw(change)["slices.svg"]):  # fmt: skip
        assert drawn.index("JFK") < drawn.index("LGA") < drawn.index("EWR")


def test_plots_are_svg_and_escape_what_they_show() -> None:
    change = found()
    change["scores"]["slices"][0]["value"] = "<JFK>"
    drawn = compare_plots.draw(change)
    assert sorted(drawn) == ["calibration.svg", "slices.svg"]
    for text in drawn.values():
        assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "&lt;JFK&gt;" in drawn["slices.svg"]
    assert compare_plots.draw(found(scores=None)) == {}


def test_parameters_are_compared_leaf_by_leaf() -> None:
    assert compare.leaves({"a": {"b": 1, "c": [2]}, "d": None}) == {
        "a.b": 1, "a.c": [2], "d": None,
    }  # fmt: skip
