"""The command reads the training part alone, writes what its report is about, and logs it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json, write_json
from lifecycle.core.params import Params
from lifecycle.pages import web
from lifecycle.pipeline.ablation import ablate, report_section
from lifecycle.pipeline.ablation.settings import Ablate
from lifecycle.records import ablation, facts, tracking


def test_the_holdout_is_never_read_and_each_feature_has_a_run(
    project: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / params.paths.holdout).unlink()
    ablate.main()
    report = read_json(project / params.paths.ablation_report)
    names = features.names(schema)
    assert [one["name"] for one in report["features"]] == names
    names = [*names, *params.part(Ablate).groups]
    assert [one["name"] for one in report["features"] + report["groups"]] == names
    assert ablation.read(project, params) == report
    mlflow = tracking.connect(project)
    experiment = tracking.experiment(mlflow, project, params.project.name)
    runs = mlflow.MlflowClient().search_runs([experiment])
    (parent,) = [run for run in runs if run.info.run_name == "ablate"]
    nested = {run.info.run_name: run for run in runs
              if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id}  # fmt: skip
    assert set(nested) == {f"without {name}" for name in names}
    assert {run.info.status for run in runs} == {"FINISHED"}
    for one in report["features"] + report["groups"]:
        run = nested[f"without {one['name']}"]
        assert run.data.tags["verdict"] == one["verdict"]
        assert run.data.metrics["gain"] == one["gain"]
    printed = capsys.readouterr().out
    assert f"ablate: of {len(report['features'])} features " in printed
    for name in names:
        assert f"\n{name} " in printed


def test_a_report_is_about_one_training_part_and_one_definition(
    project: Path, params: Params
) -> None:
    """Of other rows, features, hyper-parameters or metric it is stale, and says by what."""
    path = project / params.paths.ablation_report
    with pytest.raises(StageError, match="is missing: run `make ablate`"):
        ablation.read(project, params)
    write_json(path, {"about": ablation.about(project, params), "features": [], "groups": []})
    assert ablation.read(project, params)["features"] == []
    train = params.train.model_copy(update={"seed": 1})
    metric = params.gate.champion.model_copy(update={"metric": "brier"})
    gate = params.gate.model_copy(update={"champion": metric})
    for change, said in (({"train": train}, "train"), ({"gate": gate}, "metric")):
        with pytest.raises(StageError, match=rf"not about this model \({said} differ\): run"):
            ablation.read(project, params.model_copy(update=change))
    part = project / params.paths.train
    pl.read_parquet(part).head(10).write_parquet(part)
    with (project / "src/project/features.py").open("a") as code:
        code.write("# Another.\n")
    with pytest.raises(StageError, match=r"\(train_md5, definition_md5 differ\)"):
        ablation.read(project, params)
    for broken in ("[]", "{}", "no JSON", '{"about": [], "features": []}'):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(StageError, match="no report of an ablation: run `make ablate`"):
            ablation.read(project, params)


def test_it_is_made_anew_only_where_it_is_about_another_model(
    project: Path, params: Params, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    calls = []
    monkeypatch.setattr(ablate, "ablate", lambda *_: calls.append(1))
    ablate.renew(project)
    assert "reports/ablation.json is missing: it is made again" in capsys.readouterr().out
    about = ablation.about(project, params)
    write_json(project / params.paths.ablation_report, {"about": about, "features": []})
    ablate.renew(project)
    assert len(calls) == 1


def test_without_a_training_part_it_says_what_to_run(project: Path, params: Params) -> None:
    (project / params.paths.train).unlink()
    with pytest.raises(StageError, match="is missing: run `make pipeline`"):
        ablate.main()


def test_the_page_tells_what_is_unproven_and_what_harms(project: Path, params: Params) -> None:
    def page() -> str:
        told = facts.gather(project, params, report_section.SECTIONS)
        (section,) = told.sections
        return web.render(section.template, facts=told, **section.values(told))

    assert "type <code>make ablate</code>" in page()
    entry = {"features": ["a"], "by_fold": [0.1], "size": 1200, "microseconds": 1.5}
    features_ = [
        {**entry, "name": name, "verdict": verdict, "gain": gain, "alike": twins,
         "interval": [gain - width, gain + width]}
        for name, verdict, gain, width, twins in (
            ("<i>good</i>", "earns", 0.2, 0.1, []), ("noise", "unproven", 0.01, 0.1, ["copy"]),
            ("turns", "harms", -0.3, 0.1, []),
        )
    ]  # fmt: skip
    group = {**features_[0], "name": "pair", "features": ["noise", "copy"]}
    report = {
        "about": ablation.about(project, params), "metric": "roc_auc", "confidence": 0.95,
        "comparisons": 4, "folds": [{}, {}], "features": features_, "groups": [group],
    }  # fmt: skip
    write_json(project / params.paths.ablation_report, report)
    found = page()
    assert "of 3 features 1 earn, 1 are unproven, 1 harm" in found.lower()
    assert "Without these the model is better: turns." in found
    assert "cannot be told from chance: noise." in found
    assert "&lt;i&gt;good&lt;/i&gt;" in found
    assert "<i>" not in found
    assert '<td class="bad">harms</td>' in found
    assert "not about this model" not in found
    assert json.loads((project / params.paths.ablation_report).read_text()) == report
    other = params.model_copy(update={"train": params.train.model_copy(update={"seed": 1})})
    params = other
    assert "not about this model (train differ): run <code>make ablate</code>" in page()
