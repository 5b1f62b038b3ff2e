"""Where no registry has a champion, it is the model that another commit's dvc.lock names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_json
from lifecycle.core.params import Params
from lifecycle.records.artefact import fetch_model
from lifecycle.release import base, gate


def command(folder: Path, *arguments: str) -> str:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def dvc(folder: Path, *arguments: str) -> None:
    command(folder, sys.executable, "-m", "dvc", *arguments, "--quiet")


@pytest.fixture(scope="module")
def original(pipeline: Path, params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a commit whose dvc.lock names its model, which is in DVC's cache."""
    folder = tmp_path_factory.mktemp("original") / "project"
    shutil.copytree(pipeline, folder)
    made = [params.paths.model, params.paths.prepare_report]
    stages = {"make": {"cmd": "true", "outs": [str(path) for path in made]}}
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    (folder / ".gitignore").write_text("/data\n/reports\n/models\n/.lifecycle\n/mlflow.db\n")
    command(folder, "git", "init", "-q", "-b", "main")
    dvc(folder, "init")
    dvc(folder, "commit", "--force")
    command(folder, "git", "add", "-A")
    commit(folder)
    return folder


@pytest.fixture
def committed(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to be worked in and spoilt; it is the cwd, and its commit the base."""
    folder = tmp_path / "project"
    shutil.copytree(original, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BASE", command(folder, "git", "rev-parse", "HEAD"))
    return folder


def commit(folder: Path) -> None:
    somebody = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.hooksPath=/dev/null")
    command(folder, "git", *somebody, "commit", "--allow-empty", "-qam", "Change")


def verdict(project: Path, params: Params) -> Any:
    return read_json(project / params.paths.gate_report)


def test_the_same_model_is_unchanged(committed: Path, params: Params, schema: Schema) -> None:
    assert gate.gate(committed, params, schema) == "unchanged"
    report = verdict(committed, params)
    assert report["reason"].startswith("this model is the model of base ")
    assert report["base"] == command(committed, "git", "rev-parse", "HEAD")
    assert report["champion"] is None


def test_another_model_is_compared_with_it(
    committed: Path, params: Params, schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    again = "import xgboost; m = xgboost.Booster(model_file='models/model.ubj');" \
        "m.set_attr(note='x'); open('models/model.ubj', 'wb').write(m.save_raw('ubj'))"  # fmt: skip
    # DVC may have linked it to its cache.
    shutil.copy(committed / params.paths.model, committed / "copy")
    (committed / params.paths.model).unlink()
    shutil.move(committed / "copy", committed / params.paths.model)
    command(committed, sys.executable, "-c", again)
    evaluation = committed / params.paths.evaluation_report
    found = {**read_json(evaluation), "model_md5": md5(committed / params.paths.model)}
    evaluation.write_text(json.dumps(found))
    with pytest.raises(StageError, match=r"failed: against the model of base [0-9a-f]{12}"):
        gate.gate(committed, params, schema)
    assert "+0.0000 [+0.0000, +0.0000]" in capsys.readouterr().out


def test_what_is_not_to_be_had_stops_the_gate(
    committed: Path, params: Params, schema: Schema
) -> None:
    shutil.rmtree(committed / ".dvc" / "cache")
    with pytest.raises(StageError, match=r"is not to be had .* check the DVC remote"):
        gate.gate(committed, params, schema)
    assert verdict(committed, params)["verdict"] == "fail"


@pytest.mark.parametrize("reference", ["nowhere", "1" * 40, "--help", "HEAD:params.yaml"])
def test_what_is_no_commit_is_refused(
    committed: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.setenv("BASE", reference)
    with pytest.raises(StageError, match=f"BASE={reference} is no commit of this clone"):
        base.requested(committed)


@pytest.mark.parametrize("reference", ["", " ", "0" * 40])
def test_nothing_and_the_zeros_of_a_new_branch_are_no_base(
    committed: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.setenv("BASE", reference)
    assert base.requested(committed) is None


def test_a_branch_is_a_base_as_well(committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE", "main")
    assert base.requested(committed) == command(committed, "git", "rev-parse", "HEAD")


def test_a_commit_without_a_lock_has_no_model(
    committed: Path, params: Params, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    (committed / "dvc.lock").unlink()
    commit(committed)
    monkeypatch.setenv("BASE", "main")
    assert gate.gate(committed, params, schema) == "pass"
    lines = [one["measured"] for one in verdict(committed, params)["rules"]]
    assert "no champion yet" in lines
    assert base.bring(committed, params).startswith("there is no model to compare with")


def test_a_lock_without_a_model_is_said_so(committed: Path, params: Params) -> None:
    (committed / "dvc.lock").write_text("stages: {make: {cmd: 'true', outs: []}}\n")
    commit(committed)
    head = command(committed, "git", "rev-parse", "HEAD")
    with pytest.raises(StageError, match=r"names no models/model\.ubj"):
        base.version_at(committed, params, head)


def test_what_another_pipeline_would_make_is_refused(committed: Path, params: Params) -> None:
    shutil.rmtree(committed / ".dvc" / "cache")
    # Its stage makes nothing, so the files that the lock names do not come into being.
    with pytest.raises(StageError, match=r"the pipeline of commit [0-9a-f]{12} stops: "):
        base.bring(committed, params)


def noted(path: Path) -> None:
    """Let a model file have other bytes and the same trees."""
    path.chmod(0o644)
    again = f"import xgboost; m = xgboost.Booster(model_file={str(path)!r}); " \
        f"m.set_attr(note='x'); open({str(path)!r}, 'wb').write(m.save_raw('ubj'))"  # fmt: skip
    command(path.parent, sys.executable, "-c", again)


def test_another_machine_s_model_is_replaced_by_this_one_s_with_a_warning(
    committed: Path, params: Params, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Other processors give other bytes: what dvc.lock names cannot be made here."""
    source, made = params.paths.source, [params.paths.model, params.paths.prepare_report]
    for path in made:
        shutil.copy(committed / path, committed / source / path.name)
    steps = [f"mkdir -p {path.parent} && cp {source / path.name} {path}" for path in made]
    stage = {"cmd": " && ".join(steps), "outs": [str(path) for path in made]}
    (committed / "dvc.yaml").write_text(json.dumps({"stages": {"make": stage}}))
    dvc(committed, "repro", "--force")
    command(committed, "git", "add", "-A")
    commit(committed)
    head = command(committed, "git", "rev-parse", "HEAD")
    monkeypatch.setenv("BASE", head)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    # The other machine's model is nowhere any more; this machine makes another of the same.
    locked, here = md5(committed / params.paths.model), committed / source / "model.ubj"
    (committed / ".lifecycle").mkdir(exist_ok=True)
    shutil.copy(here, committed / ".lifecycle" / "kept.ubj")
    noted(here)
    shutil.rmtree(committed / ".dvc" / "cache")
    (committed / params.paths.model).unlink()

    said = base.bring(committed, params)
    assert said.startswith(f"warning: commit {head[:12]} gives on this machine")
    assert said.removeprefix("warning: ") in (tmp_path / "summary").read_text()
    version = base.version_at(committed, params, head)
    assert version is not None
    assert version.tags["model_md5"] == md5(here) != locked
    assert md5(fetch_model(committed, version.tags)) == md5(here)

    # Made the same after all, it is the one that counts.
    shutil.copy(committed / ".lifecycle" / "kept.ubj", here)
    assert base.bring(committed, params).endswith("was made again, the same bytes")
    version = base.version_at(committed, params, head)
    assert version is not None
    assert version.tags["model_md5"] == locked
