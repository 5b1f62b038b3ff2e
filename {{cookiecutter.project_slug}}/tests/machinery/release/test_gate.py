"""The gate fails closed, and nothing is registered without its verdict on exactly this model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_json, write_json
from lifecycle.core import frames, git
from lifecycle.core.command import run
from lifecycle.core.params import Params
from lifecycle.records import registry, tracking
from lifecycle.records.registry import DEFINITION
from lifecycle.release import gate, judge, register, staging
from project import model


def verdict(project: Path, params: Params) -> dict[str, Any]:
    found: dict[str, Any] = read_json(project / params.paths.gate_report)
    return found


def failing(report: dict[str, Any]) -> list[str]:
    return [one["rule"] for one in report["rules"] if one["verdict"] == "fail"]


def crown(
    project: Path,
    params: Params,
    schema: Schema,
    content: bytes,
    train_last: str = "2000-01-01",
    **changes: str,
) -> registry.Version:
    """Make a model the champion, as if it had been released."""
    file = project / "champion.ubj"
    file.write_bytes(content)
    tags = {"model_md5": md5(file), "git_commit": "0" * 40, "train_last": train_last}
    tags |= registry.defining(project)
    tags |= {"threshold": "0.2", **changes}
    kept = project / ".lifecycle" / "models" / f"{tags['model_md5']}.ubj"
    kept.parent.mkdir(parents=True)
    shutil.move(file, kept)
    versions = registry.connect(project, params)
    run_id = tracking.log_model_run(project, params, schema)
    made = versions.create(run_id, tags)
    versions.set_alias("champion", made.number)
    return made


def fit(project: Path, part: Path, params: Params, schema: Schema, **changes: Any) -> bytes:
    """Fit another model on a part of the project's data."""
    frame = pl.read_parquet(project / part)
    columns = frames.arrays(frame, features.names(schema))
    label = frame[schema.target].cast(pl.Float64).to_numpy()
    if changes.pop("shuffled", False):
        label = np.random.default_rng(1).permutation(label)
    codes = frames.categories(columns, {})
    settings = params.train.model_copy(update=changes)
    return model.fit(columns, label, list(columns), codes, settings).to_bytes(
        frames.learn(frame, schema)
    )


def stop(project: Path, params: Params, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the gate as `make gate` does; it must stop the line. Returns its line on stderr."""
    with pytest.raises(SystemExit) as stopped:
        run("gate", gate.main)
    assert stopped.value.code == 1
    assert verdict(project, params)["verdict"] == "fail"
    return capsys.readouterr().err


def test_a_first_model_passes_every_rule(project: Path, params: Params, schema: Schema) -> None:
    assert gate.gate(project, params, schema) == "pass"
    report = verdict(project, params)
    assert report["verdict"] == "pass"
    assert failing(report) == []
    rules = [one["rule"] for one in report["rules"]]
    for expected in (
        *params.gate.metrics,
        "beats the constant model",
        "beats the linear model",
        "against the champion",
        *(f"slices of {name}" for name in params.evaluate.slices),
        "disparity of origin, true positive rate",
        "median time for one row",
        "size of the model file",
    ):
        assert expected in rules
    assert registry.connect(project, params).all() == []


def test_a_metric_that_is_missing_stops_the_line(
    project: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / params.paths.evaluation_report
    evaluation = read_json(path)
    del evaluation["metrics"]["roc_auc"]
    write_json(path, evaluation)
    line = stop(project, params, capsys)
    assert "roc_auc" in line
    assert "nothing is released, the champion stays unset" in line
    assert "roc_auc" in failing(verdict(project, params))


def test_a_passing_verdict_does_not_outlive_a_gate_that_raises(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate.gate(project, params, schema) == "pass"
    (project / params.paths.predictions).unlink()
    (project / params.paths.holdout).write_bytes(b"no Parquet")
    line = stop(project, params, capsys)
    assert line.count("\n") == 1
    assert "the gate raised" in verdict(project, params)["reason"]
    with pytest.raises(StageError, match="the gate failed"):
        register.register(project, params, schema)


def test_a_store_that_cannot_be_read_stops_the_line(
    project: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "mlflow.db").write_bytes(b"no database" * 1000)
    stop(project, params, capsys)
    assert "the gate raised" in verdict(project, params)["reason"]


def test_a_folder_where_the_verdict_should_be_is_told_in_one_line(
    project: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / params.paths.gate_report).mkdir(parents=True)
    with pytest.raises(SystemExit) as stopped:
        run("gate", gate.main)
    assert stopped.value.code == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert f"{params.paths.gate_report}: a folder is where a file should be" in line


def test_an_evaluation_of_another_model_stops_the_line(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / params.paths.model
    path.write_bytes(fit(project, params.paths.train, params, schema, seed=9))
    assert "the evaluation is of another model" in stop(project, params, capsys)


def test_a_better_champion_stays(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    # It has seen the answers; its tag says otherwise.
    champion = crown(project, params, schema, fit(project, params.paths.holdout, params, schema))
    line = stop(project, params, capsys)
    assert "the champion stays version 1" in line
    assert failing(verdict(project, params)) == ["against champion version 1"]
    assert registry.connect(project, params).by_alias("champion") == champion


def test_a_worse_champion_is_beaten(project: Path, params: Params, schema: Schema) -> None:
    content = fit(project, params.paths.train, params, schema, shuffled=True)
    champion = crown(project, params, schema, content)
    assert gate.gate(project, params, schema) == "pass"
    # Its alias moves when the challenger is packaged, and not here.
    assert registry.connect(project, params).by_alias("champion") == champion


def test_how_a_challenger_differs_is_measured_kept_and_believed_only_as_measured(
    project: Path,
    params: Params,
    schema: Schema,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the gate into the version's tags, and from there into what its Bento is made of."""
    content = fit(project, params.paths.train, params, schema, shuffled=True)
    champion = crown(project, params, schema, content)
    gate.gate(project, params, schema)
    report = verdict(project, params)
    found = report["difference"]
    assert found["champion"] == {"model_md5": champion.tags["model_md5"], "threshold": 0.2}
    assert found["challenger"]["model_md5"] == report["model_md5"]
    holdout = pl.read_parquet(project / params.paths.holdout)
    columns = frames.arrays(holdout, features.names(schema))
    (tmp_path / "champion.ubj").write_bytes(content)
    theirs = model.Model.load(tmp_path / "champion.ubj").predict(columns)
    ours = model.Model.load(project / params.paths.model).predict(columns)
    changed = (
        (theirs >= np.float32(0.2)) != (ours >= np.float32(params.evaluate.threshold))
    ).mean()
    assert found["changed_decisions"]["mean"] == pytest.approx(changed, abs=1e-9)
    assert found["prediction_shift"]["mean"] == pytest.approx((ours - theirs).mean(), abs=1e-6)
    assert {one["slice"] for one in found["slices"]} <= set(params.evaluate.slices)
    assert "held out are decided otherwise than by champion version 1" in capsys.readouterr().out
    # One that says to expect more would let anything through.
    path = project / params.paths.gate_report
    write_json(path, {**report, "difference": {**found, "rows": 1}})
    with pytest.raises(StageError, match="measured again, the model differs otherwise"):
        register.register(project, params, schema)
    write_json(path, {**report, "difference": None})
    with pytest.raises(StageError, match="measured again, the model differs otherwise"):
        register.register(project, params, schema)
    write_json(path, report)
    monkeypatch.setattr(register, "require_pipeline", lambda root: None)
    monkeypatch.setattr(git, "commit_lock", lambda root: "0" * 40)
    monkeypatch.setattr(register, "push", lambda root: None)
    (project / "requirements").mkdir()
    for name in ("development", "serving"):
        (project / f"requirements/{name}.txt").write_text("a==1\n", encoding="utf-8")
    (project / "dvc.lock").write_text("", encoding="utf-8")
    version = register.register(project, params, schema)
    assert version is not None
    assert json.loads(version.tags["difference"]) == found
    (tmp_path / "stage").mkdir()
    staging.stage(
        project, tmp_path / "stage", params, schema, version, project / params.paths.model
    )
    assert read_json(tmp_path / "stage" / "release" / "difference.json") == found
    with_it = staging.content_hash(tmp_path / "stage")
    (tmp_path / "stage" / "release" / "difference.json").write_text("{}", encoding="utf-8")
    assert staging.content_hash(tmp_path / "stage") != with_it


def test_a_tie_does_not_promote(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    booster = model.Model.load(project / params.paths.model).booster
    booster.set_attr(note="another file, the same trees")
    crown(project, params, schema, bytes(booster.save_raw("ubj")))
    stop(project, params, capsys)
    assert failing(verdict(project, params)) == ["against champion version 1"]
    (line,) = [o for o in verdict(project, params)["rules"] if o["verdict"] == "fail"]
    assert "+0.0000 [+0.0000, +0.0000]" in line["measured"]


def test_a_champion_that_has_seen_the_holdout_is_no_judge(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    content = fit(project, params.paths.train, params, schema, shuffled=True)
    crown(project, params, schema, content, train_last="2999-01-01")
    stop(project, params, capsys)
    assert failing(verdict(project, params)) == ["holdout unseen by the champion"]


def test_a_champion_that_is_not_to_be_had_stops_the_line(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    crown(project, params, schema, fit(project, params.paths.train, params, schema, seed=9))
    shutil.rmtree(project / ".lifecycle")
    assert "is not to be had" in stop(project, params, capsys)


def test_the_champion_itself_is_said_to_be_so(
    project: Path, params: Params, schema: Schema
) -> None:
    content = (project / params.paths.model).read_bytes()
    crown(project, params, schema, content, threshold=repr(params.evaluate.threshold))
    assert gate.gate(project, params, schema) == "unchanged"
    assert "nothing to release" in verdict(project, params)["reason"]
    assert register.register(project, params, schema) is None
    assert len(registry.connect(project, params).all()) == 1


@pytest.mark.parametrize("tag", ["threshold", *DEFINITION])
def test_a_champion_that_would_answer_otherwise_is_another_version(
    tag: str, project: Path, params: Params, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is the same: it is judged anew, where a tie is none, and registered anew."""
    same = {"threshold": repr(params.evaluate.threshold), tag: "0.2"}
    content = (project / params.paths.model).read_bytes()
    champion = crown(project, params, schema, content, **same)
    # Its own code is that of its commit, which is not here.
    monkeypatch.setattr(
        judge, "champion_scores",
        lambda root, version, holdout, schema: pl.read_parquet(
            root / params.paths.predictions, glob=False)["probability"].to_numpy(),
    )  # fmt: skip
    assert gate.gate(project, params, schema) == "pass"
    report = verdict(project, params)
    (line,) = [one for one in report["rules"] if one["rule"] == "against champion version 1"]
    assert line["required"].startswith(">= 0 (the same model), lower bound")
    for name in ("require_pipeline", "push"):
        monkeypatch.setattr(register, name, lambda root: None)
    monkeypatch.setattr(git, "commit_lock", lambda root: "0" * 40)
    (project / "requirements").mkdir()
    for name in ("requirements/development.txt", "requirements/serving.txt", "dvc.lock"):
        (project / name).touch()
    made = register.register(project, params, schema)
    assert made is not None
    assert made.number == champion.number + 1
    assert made.run_id == champion.run_id
    assert registry.connect(project, params).find(registry.deciding(project, params)) == made


@pytest.mark.parametrize("tag", ["threshold", *DEFINITION])
def test_a_version_judged_with_something_else_is_not_packaged(
    tag: str, project: Path, params: Params, schema: Schema, tmp_path: Path
) -> None:
    """Settings that change no answer may be others."""
    tags = registry.deciding(project, params) | {"git_commit": "0" * 40}
    other = params.model_copy(update={"serve": params.serve.model_copy(update={"maximum_rows": 7})})
    staging.require_same(project, other, registry.Version(1, tags, ""))
    for wrong in ({**tags, tag: "0.4"}, {key: tags[key] for key in tags if key != tag}):
        with pytest.raises(StageError, match=r"was judged with another .* run `make pipeline`, "):
            staging.stage(project, tmp_path / "stage", params, schema,
                          registry.Version(1, wrong, ""), project / params.paths.model)  # fmt: skip
    assert not (tmp_path / "stage").exists()


def test_nothing_is_registered_without_a_verdict(
    project: Path, params: Params, schema: Schema
) -> None:
    with pytest.raises(StageError, match="there is no verdict of the gate: run `make gate`"):
        register.register(project, params, schema)
    assert registry.connect(project, params).all() == []


def test_nothing_is_registered_on_a_failure(project: Path, params: Params, schema: Schema) -> None:
    gate.gate(project, params, schema)
    report = {**verdict(project, params), "verdict": "fail", "reason": "failed: roc_auc"}
    write_json(project / params.paths.gate_report, report)
    with pytest.raises(StageError, match=r"the gate failed \(failed: roc_auc\)"):
        register.register(project, params, schema)
    assert registry.connect(project, params).all() == []


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("models/model.ubj", "model_md5"),
        ("data/holdout.parquet", "holdout_md5"),
        ("reports/evaluation.json", "evaluation_md5"),
        ("params.yaml", "params_md5"),
    ],
)
def test_a_verdict_on_something_else_registers_nothing(
    project: Path, params: Params, schema: Schema, name: str, key: str
) -> None:
    gate.gate(project, params, schema)
    with (project / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(StageError, match=rf"is not about this model \({key} differ\)"):
        register.register(project, params, schema)
    assert registry.connect(project, params).all() == []


def test_a_verdict_from_before_another_champion_registers_nothing(
    project: Path, params: Params, schema: Schema
) -> None:
    gate.gate(project, params, schema)
    crown(project, params, schema, fit(project, params.paths.train, params, schema, seed=9))
    with pytest.raises(StageError, match=r"is not about this model \(champion differ\)"):
        register.register(project, params, schema)
    assert len(registry.connect(project, params).all()) == 1


def test_the_report_is_json_that_anyone_can_read(
    project: Path, params: Params, schema: Schema
) -> None:
    gate.gate(project, params, schema)
    text = (project / params.paths.gate_report).read_text(encoding="utf-8")
    for line in json.loads(text)["rules"]:
        assert set(line) == {"rule", "measured", "required", "verdict", "kind", "value",
                             "interval", "minimum", "maximum"}  # fmt: skip
        # Only of what is no number, as who has seen which rows, there is none.
        assert isinstance(line["value"], float) is (line["kind"] not in ("unseen", "against"))
