"""A mistake in params.yaml is refused in one line that names file and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params, load_params
from lifecycle.core.window import Window


def write(root: Path, folder: Path, where: str, value: Any) -> Path:
    """Write the real parameters with one value changed (None takes it out)."""
    whole = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    section = whole
    *parents, last = where.split(".")
    for parent in parents:
        section = section[parent]
    if value is None:
        del section[last]
    else:
        section[last] = value
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("train.learning_rat", 0.1, "train.learning_rat: Extra inputs are not permitted"),
        (
            "retune",
            {},
            "retune: Extra inputs are not permitted: no part that is here has such a "
            "section, so delete it (README.md, Parts)",
        ),
        ("train.seed", None, "train.seed: Field required"),
        ("train.learning_rate", 0, "train.learning_rate: Input should be greater than 0"),
        ("train.maximum_depth", "deep", "train.maximum_depth: Input should be a valid integer"),
        ("data.window.start", "2013-13", "data.window.start: String should match pattern"),
        ("data.window.start", "2099-01", "data.window: Value error, start 2099-01 lies after end"),
        ("data.window.end", "2013-02-30", "data.window.end: Value error, 2013-02-30 is no date"),
        ("data.window.end", "2012-12-31", "data.window: Value error, start 2013-01 lies after"),
        ("data.unit", "year", "data.unit: Input should be 'day', 'week', 'month' or 'quarter'"),
        ("gate.metrics", {}, "gate.metrics: Dictionary should have at least 1 item"),
        ("gate.metrics.roc_auc", {}, "gate.metrics.roc_auc: Value error, give a minimum"),
        ("gate.champion", None, "gate.champion: Field required"),
        ("gate.champion.resamples", 5, "gate.champion.resamples: Input should be greater"),
        ("gate.disparity.maximum", 1.5, "gate.disparity.maximum: Input should be less"),
        ("evaluate.threshold", -0.1, "evaluate.threshold: Input should be greater"),
        ("prepare.holdout_days", 0, "prepare.holdout_days: Input should be greater"),
        ("serve.ports.staging", 70000, "serve.ports.staging: Input should be less"),
        ("batch.rows_per_chunk", 0, "batch.rows_per_chunk: Input should be greater"),
        ("validate.example_rows", -1, "validate.example_rows: Input should be greater"),
    ],
)
def test_a_mistake_is_named(
    root: Path, tmp_path: Path, where: str, value: Any, message: str
) -> None:
    path = write(root, tmp_path, where, value)
    with pytest.raises(StageError) as refused:
        load_params(path)
    line = str(refused.value)
    assert line.startswith(f"{path}: {message}")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("where", "value", "nearest"),
    [
        ("gate.metrics.roc_acu", {"minimum": 0.5}, "roc_auc"),
        ("gate.baselines.metric", "logloss", "log_loss"),
        ("gate.slices.metric", "Brier", "brier"),
        # It is one, but not one that whole days can be drawn for.
        ("gate.champion.metric", "pr_auc", "roc_auc"),
    ],
)
def test_a_metric_that_there_is_not_is_refused_when_params_are_read(
    root: Path, tmp_path: Path, where: str, value: Any, nearest: str
) -> None:
    path = write(root, tmp_path, where, value)
    unknown = value if isinstance(value, str) else where.rpartition(".")[2]
    said = rf": {where}: .*{unknown} is none of roc_auc, .*: did you mean {nearest}\?$"
    with pytest.raises(StageError, match=said):
        load_params(path)


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ({"metric": "log_loss", "minimum": 0.5}, "log_loss is better when it is lower: give a max"),
        ({"metric": "pr_auc", "maximum": 0.9}, "pr_auc is better when it is higher: give a min"),
        ({"metric": "pr_auc"}, "give a minimum, a maximum, or both"),
    ],
)
def test_the_worst_slice_has_a_limit(
    root: Path, tmp_path: Path, rule: dict[str, Any], end: str
) -> None:
    with pytest.raises(StageError, match=f"gate.slices: Value error, {end}"):
        load_params(write(root, tmp_path, "gate.slices", rule))


def test_several_mistakes_are_counted(root: Path, tmp_path: Path) -> None:
    path = write(root, tmp_path, "gate", {})
    with pytest.raises(StageError, match=r"gate\.metrics: Field required \(and 6 more\)"):
        load_params(path)


def test_a_missing_file_says_where_to_be(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="is missing: run this from the project's folder"):
        load_params(tmp_path / "params.yaml")


def test_what_is_no_yaml_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("train: [1,\nproject: {", encoding="utf-8")
    with pytest.raises(StageError, match="is no valid YAML") as refused:
        load_params(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2013-05", "2013-05", ["2013-05"]),
        ("2013-11", "2014-02", ["2013-11", "2013-12", "2014-01", "2014-02"]),
    ],
)
def test_a_window_has_all_its_months(start: str, end: str, months: list[str]) -> None:
    assert Window(start=start, end=end).months == months


def test_parameters_cannot_be_changed(params: Params) -> None:
    with pytest.raises(ValueError, match="frozen"):
        params.train.seed = 1  # type: ignore[misc]
