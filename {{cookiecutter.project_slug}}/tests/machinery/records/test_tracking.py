"""Runs and versions on a real MLflow store, which may be moved with its folder."""

from __future__ import annotations

import os
import socket
import sqlite3
from pathlib import Path

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_json, write_json
from lifecycle.core.params import Params
from lifecycle.records import kept_verdicts, registry, store, tracking


def locations(folder: Path) -> list[str]:
    """Return every place of an artefact that the store knows, experiment 0 apart."""
    found: list[str] = []
    with sqlite3.connect(folder / "mlflow.db") as connection:
        for table, column in store.LOCATIONS:
            where = " where experiment_id != 0" if table == "experiments" else ""
            rows = connection.execute(f"select {column} from {table}{where}")
            found += [row[0] for row in rows if row[0]]
    connection.close()
    return found


def test_a_moved_store_points_to_where_it_is(pipeline: Path, project: Path) -> None:
    assert any(str(pipeline) in place for place in locations(project))
    tracking.connect(project)
    places = locations(project)
    assert len(places) >= 3
    assert not [place for place in places if str(pipeline / "mlartifacts") in place]
    assert str(project / "mlartifacts") in places


def test_relocating_again_changes_nothing(project: Path) -> None:
    store.relocate(project / "mlflow.db", project / "mlartifacts")
    before = (project / "mlflow.db").read_bytes()
    store.relocate(project / "mlflow.db", project / "mlartifacts")
    assert (project / "mlflow.db").read_bytes() == before


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    store.relocate(tmp_path / "mlflow.db", tmp_path / "mlartifacts")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and their files are in it, and nowhere else."""
    folder = tmp_path / 'it\'s "quoted" 100% %zz [ok]* (a) $HOME; #1 \\ :one'
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (folder / "kept.json").write_text("{}")
    mlflow = tracking.connect(folder)
    with mlflow.start_run(experiment_id=tracking.experiment(mlflow, folder, "any")) as run:
        mlflow.log_artifact("kept.json", "gate")
    assert kept_verdicts.verdict_content(folder, run.info.run_id) == b"{}"
    assert (folder / "mlflow.db").is_file()
    assert len(list((folder / "mlartifacts").rglob("kept.json"))) == 1
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(("name", "said"), [("what?", "?"), ("a%41", "%41"), ("100%25", "%25")])
def test_a_name_that_mlflow_reads_otherwise_is_refused(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and nothing is written, there or where MLflow would have looked."""
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(StageError) as refused:
        tracking.connect(folder)
    assert f"since it reads {said!r} in a path as something else: name the" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_model_has_one_run_also_after_a_move(
    project: Path, params: Params, schema: Schema
) -> None:
    mlflow = tracking.connect(project)
    experiment = tracking.experiment(mlflow, project, params.project.name)
    model_md5 = md5(project / params.paths.model)
    run = tracking.find_run(mlflow, experiment, model_md5)
    assert tracking.log_model_run(project, params, schema) == run.info.run_id
    assert len(mlflow.MlflowClient().search_runs([experiment])) == 1


def test_the_run_tells_what_the_model_was_made_of(project: Path, params: Params) -> None:
    mlflow = tracking.connect(project)
    experiment = tracking.experiment(mlflow, project, params.project.name)
    run = tracking.find_run(mlflow, experiment, md5(project / params.paths.model))
    window = params.data.dates
    assert run.data.params["window"] == f"{window.start} to {window.end}"
    assert run.data.params["seed"] == str(params.train.seed)
    assert run.inputs.dataset_inputs[0].dataset.digest == md5(project / params.paths.train)
    trained = read_json(project / params.paths.training_report)["figures"]
    assert run.data.metrics["trees"] == trained["trees"]
    curve = mlflow.MlflowClient().get_metric_history(run.info.run_id, "early_stopping_roc_auc")
    assert [one.value for one in curve] == trained["early_stopping_roc_auc"] != []


def test_a_run_whose_process_is_gone_is_ended(project: Path, params: Params) -> None:
    mlflow = tracking.connect(project)
    client = mlflow.MlflowClient()
    experiment = tracking.experiment(mlflow, project, params.project.name)
    host = socket.gethostname()
    # No process has so high a number, and this one is alive.
    gone = client.create_run(experiment, tags={"process": f"{host}:{2**22 + 1}"}).info.run_id
    here = client.create_run(experiment, tags={"process": f"{host}:{os.getpid()}"}).info.run_id
    tracking.close_interrupted(mlflow, experiment)
    assert client.get_run(gone).info.status == "KILLED"
    assert client.get_run(here).info.status == "RUNNING"


def test_the_verdict_is_kept_with_the_run(project: Path, params: Params, schema: Schema) -> None:
    # Another model, so that it is logged anew: in one process MLflow remembers where the files of a
    # run are, and every copy of the project has the same run.
    with (project / params.paths.model).open("ab") as handle:
        handle.write(b" ")
    run_id = tracking.log_model_run(project, params, schema)
    assert kept_verdicts.verdict_content(project, run_id) is None
    report = project / params.paths.gate_report
    write_json(report, {"verdict": "pass"})
    kept_verdicts.log_verdict(project, run_id, report)
    assert kept_verdicts.verdict_content(project, run_id) == report.read_bytes()


def test_an_empty_registry_has_nothing(project: Path, params: Params) -> None:
    versions = registry.connect(project, params)
    assert versions.all() == []
    assert versions.find({"model_md5": "0" * 32}) is None
    assert versions.by_alias("champion") is None
    versions.drop_alias("champion")
    with pytest.raises(StageError, match="shrunk has no version 1: `make ui` shows them"):
        versions.get(1)


def test_versions_are_found_by_number_model_and_alias(
    project: Path, params: Params, schema: Schema
) -> None:
    versions = registry.connect(project, params)
    run_id = tracking.log_model_run(project, params, schema)
    for letter in "ab":
        made = versions.create(run_id, {"model_md5": letter})
        assert made == versions.find({"model_md5": letter})
    assert [version.number for version in versions.all()] == [1, 2]
    versions.set_alias("champion", 1)
    versions.set_alias("champion", 2)
    assert versions.by_alias("champion") == versions.get(2)
    assert versions.get(2).tags == {"model_md5": "b"}
    versions.drop_alias("champion")
    assert versions.by_alias("champion") is None
