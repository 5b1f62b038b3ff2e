"""One command goes from nothing to a served prediction, and repeats only what it must."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from baking import ROOT, succeed
from breaking import BETTER, commit, edit
from projects import (
    PIPELINE,
    STEPS,
    ask,
    git,
    released_project,
    report_of,
    runs,
    statuses,
    stored,
    versions,
    worker_of,
)
from running import Project, port_of

pytestmark = pytest.mark.slow
UNCHANGED = {
    **dict.fromkeys(PIPELINE, "cached"),
    **dict.fromkeys(("gate", "register", "package"), "unchanged"),
}
TARGET = re.compile(r"(?m)^([a-z][a-z-]*):(?!=)")


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the shrunk project with version 1 as champion."""
    return released_project(generated, tmp_path_factory)


def closing(printed: str) -> tuple[dict[str, str], list[str]]:
    """Return the status of each step in the closing table, and the lines that follow it."""
    lines = printed.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["step", "status"])
    assert lines[start].split() == ["step", "status", "seconds", "made"]
    end = next(i for i, line in enumerate(lines) if line.startswith("total "))
    rows = [line.split() for line in lines[start + 1 : end]]
    assert all(float(row[2]) >= 0 for row in rows)
    return {row[0]: row[1] for row in rows}, [line for line in lines[end + 1 :] if line]


def test_the_end_of_the_output_says_what_is_live(finished: Project) -> None:
    """A table of all steps, then version, metric, URL, report and what to type next."""
    printed = (finished.root.parent / "printed.txt").read_text(encoding="utf-8")
    steps, last = closing(printed)
    assert list(steps.items()) == [(name, "ran") for name in STEPS]
    assert [line.split()[0] for line in last] == ["live", "quality", "answer", "report", "next"]
    address = f"http://127.0.0.1:{port_of(finished.root)}"
    assert last[0].endswith(f"flight-delay version 1 at {address}")
    assert re.search(r"roc_auc 0\.\d{4} \(champion before: none\)$", last[1])
    assert "probability" in last[2]
    for name in last[3].split(maxsplit=1)[1].split(", "):
        assert (finished.root / name).is_file(), name
    assert "make predict" in last[4]
    assert "Warning" not in printed


def test_the_report_holds_steps_champion_and_prediction(finished: Project) -> None:
    """reports/lifecycle.json can be read by a machine."""
    report = report_of(finished)
    assert [step["name"] for step in report["steps"]] == list(STEPS)
    assert all(step["status"] == "ran" and step["seconds"] >= 0 for step in report["steps"])
    champion = report["champion"]
    metrics = json.loads((finished.root / "reports" / "metrics.json").read_text())
    assert champion["version"] == 1
    assert champion["metrics"] == metrics
    assert re.fullmatch("[0-9a-f]{40}", champion["git_commit"])
    assert f"md5: {champion['data_md5']}" in (finished.root / "dvc.lock").read_text()
    records = report["prediction"]["request"]["records"]
    answer = report["prediction"]["answer"]
    assert answer["model_version"] == "1"
    assert [0 <= one["probability"] <= 1 for one in answer["predictions"]] == [True] * len(records)


def test_a_second_lifecycle_does_nothing_twice(project: Project) -> None:
    """Stages are cached and releases unchanged; a stopped or killed service comes back."""
    known, finished_runs = versions(project), runs(project)
    head = project.root / ".git" / "refs" / "heads" / "main"
    commit = head.read_text()
    project.must("lifecycle")
    assert statuses(project) == {**UNCHANGED, "deploy": "ran", "predict": "ran"}
    printed = project.must("lifecycle")
    assert statuses(project) == {**UNCHANGED, "deploy": "unchanged", "predict": "ran"}
    assert "champion before: the same version" in closing(printed)[1][1]
    killed = worker_of(project)
    os.kill(killed, signal.SIGKILL)
    # The request waits until the supervisor has started the worker again.
    assert ask(project, "/v1/model")["version"] == "1"
    assert worker_of(project) != killed
    assert ask(project, "/v1/model")["version"] == "1"
    assert (versions(project), runs(project), head.read_text()) == (known, finished_runs, commit)


def test_stop_can_be_repeated_and_predict_says_what_to_type(project: Project) -> None:
    """Stopping twice is no error; without a service predict fails in one line."""
    project.must("deploy")
    predicted = project.must("predict")
    shown = json.loads(predicted[predicted.index("{") :])
    assert shown["answer"]["model_version"] == "1"
    assert shown["request"]["records"]
    assert "stop: development is stopped" in project.must("stop")
    assert "stop: nothing was running in development" in project.must("stop")
    done = project.make("predict")
    assert done.returncode != 0
    assert "predict: the service does not answer (" in done.stderr
    assert "run `make deploy`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_better_model_becomes_version_2_and_answers(released: Project, tmp_path: Path) -> None:
    """The running service is replaced; the last lines compare with the champion before."""
    project = released.copy(tmp_path / "flight-delay")
    before = report_of(project)["champion"]["metrics"]["roc_auc"]
    try:
        project.must("deploy")
        edit(project, "params.yaml", BETTER)
        commit(project)
        printed = project.must("lifecycle")
        steps, last = closing(printed)
        assert {name for name, status in steps.items() if status == "cached"} == set(PIPELINE[:3])
        assert versions(project) == [1, 2]
        assert ask(project, "/v1/model")["version"] == "2"
        assert report_of(project)["prediction"]["answer"]["model_version"] == "2"
        after = report_of(project)["champion"]["metrics"]["roc_auc"]
        assert after > before
        assert last[0].split(" at ")[0].endswith("version 2")
        assert f"roc_auc {after:.4f} (against champion version 1 on the same holdout" in last[1]
        (gain,) = re.findall(r"holdout: roc_auc ([+-][0-9.]+)", last[1])
        assert float(gain) == pytest.approx(after - before, abs=2e-4)
    finally:
        project.must("stop")


def test_a_lifecycle_that_stops_says_where(released: Project, tmp_path: Path) -> None:
    """The failed step is the last one of table and report, and nothing is released."""
    project = released.copy(tmp_path / "flight-delay")
    edit(project, "params.yaml", BETTER)
    project.change("params.yaml", "roc_auc: {minimum: 0.55", "roc_auc: {minimum: 0.89")
    commit(project)
    done = project.make("lifecycle")
    assert done.returncode != 0
    assert "lifecycle: failed: roc_auc; nothing is released" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(closing(done.stdout)[0].items())[-1] == ("gate", "failed")
    assert report_of(project)["steps"][-1]["name"] == "gate"
    project.change("params.yaml", "holdout_days: 31", "holdout_days: 60")
    done = project.make("lifecycle")
    assert done.returncode != 0
    assert "lifecycle: stopped at prepare" in done.stderr
    assert list(statuses(project).items())[-1] == ("prepare", "failed")
    assert report_of(project)["champion"] is None
    assert versions(project) == [1]


def test_tuning_never_reads_the_holdout(released: Project, tmp_path: Path) -> None:
    """Trials are nested runs; only WRITE=1 changes parameters, and only those of train."""
    project = released.copy(tmp_path / "flight-delay")
    project.change("params.yaml", "trials: 20", "trials: 2")
    (project.root / "data" / "holdout.parquet").unlink()
    (project.root / "data" / "holdout_predictions.parquet").unlink()
    (project.root / "data" / "snapshot.parquet").unlink()
    path = project.root / "params.yaml"
    before = path.read_text(encoding="utf-8")
    assert "make tune WRITE=1" in project.must("tune")
    assert path.read_text(encoding="utf-8") == before
    names = stored(
        project,
        "select r.name, p.name, r.status from runs r left join tags t on t.run_uuid = r.run_uuid"
        " and t.key = 'mlflow.parentRunId' left join runs p on p.run_uuid = t.value"
        " where r.name like 'tune%' or r.name like 'trial%' order by r.name",
    )
    trials = [(f"trial {number}", "tune", "FINISHED") for number in range(2)]
    assert names == [*trials, ("tune", None, "FINISHED")]
    project.must("tune", "WRITE=1")
    pairs = zip(before.splitlines(), path.read_text(encoding="utf-8").splitlines(), strict=True)
    changed = {old.split(":")[0].strip() for old, new in pairs if old != new}
    start, end = before.index("\ntrain:\n"), before.index("\ntune:\n")
    train = {line.split(":")[0].strip() for line in before[start:end].splitlines()}
    assert changed
    assert changed <= train
    assert before[:start] in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").endswith(before[end:])


def test_what_each_feature_earns_is_asked_of_the_training_part_alone(
    released: Project, tmp_path: Path
) -> None:
    """Where the gate asks for it the pipeline has it made, once, of the model that is there."""
    project = released.copy(tmp_path / "flight-delay")
    small = (("  folds: 4", "  folds: 2"), ("  refits: 3", "  refits: 1"),
             ("  rows_per_fold: 100000", "  rows_per_fold: 2000"))  # fmt: skip
    edit(project, "params.yaml", small)
    report = project.root / "reports" / "ablation.json"
    for name in ("holdout", "holdout_predictions", "snapshot"):
        (project.root / "data" / f"{name}.parquet").unlink()
    printed = project.must("ablate")
    found = json.loads(report.read_text(encoding="utf-8"))
    assert len(found["features"]) == 18
    assert f"ablate: of {len(found['features'])} features " in printed
    assert re.search(r"(?m)^destination +(earns|unproven|harms) +[+-]0\.\d{4} +\[", printed)
    asked = "select count(*) from runs where name like 'without %' and status = 'FINISHED'"
    named = len(found["features"] + found["groups"])
    assert stored(project, asked) == [(named,)]
    assert "made again" not in project.must("pipeline")
    project.change("params.yaml", "refuse_harmful: false", "refuse_harmful: true")
    assert "made again" not in project.must("pipeline")
    report.unlink()
    printed = project.must("pipeline")
    assert "ablate: reports/ablation.json is missing: it is made again" in printed
    same = json.loads(report.read_text(encoding="utf-8"))
    took = ("seconds", "microseconds")
    one, two = (
        [{key: value for key, value in entry.items() if key not in took}
         for entry in each["features"] + each["groups"]]
        for each in (found, same)
    )  # fmt: skip
    assert one == two
    assert same["about"] == found["about"]


def helped(folder: Path, printed: str) -> None:
    """Assert that help lists every target that a person may type."""
    files = [folder / "Makefile", *folder.glob("*/*.mk")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    listed = set(re.findall(r"(?m)^\s+(?:\x1b\[1m)?([a-z][a-z-]*)", printed))
    described = set(re.findall(r"(?m)^([a-z][a-z-]*):.*## ", text))
    phony = re.findall(r"(?m)^\.PHONY: ((?:.*\\\n)*.*)$", text)
    names = set(" ".join(phony).replace("\\\n", " ").split())
    assert set(TARGET.findall(text)) == names
    assert listed == described
    # Steps of other targets, of no use alone.
    assert names - described <= {"environment", "loadable", "serving-environment", "source"}


def test_help_lists_every_target(generated: Project) -> None:
    """The project's `make help`, also as the default."""
    assert generated.must("help") == generated.must()
    helped(generated.root, generated.must("help"))


def test_help_of_the_template_lists_every_target(generated: Project) -> None:
    """The template's `make help`, also as the default."""
    variables = generated.environment.variables
    printed = succeed("make", "help", folder=ROOT, environment=variables)
    assert printed == succeed("make", folder=ROOT, environment=variables)
    helped(ROOT, printed)


def test_the_readme_names_what_is_there(generated: Project) -> None:
    """Its tree is the top level of a bake, and every `make` command in it exists."""
    text = (generated.root / "README.md").read_text(encoding="utf-8")
    tree = next(block for block in text.split("```")[1::2] if "\nREADME.md" in block)
    named = {line.split()[0].split("/")[0] for line in tree.strip().splitlines()}
    there = {name.split("/")[0] for name in git(generated, "ls-files").splitlines()}
    configuration = {name for name in there if name.startswith(".")}
    configuration -= {".devcontainer", ".dvc", ".github"}
    assert named - {".dvc"} == there - configuration - {".dvc"}
    files = [generated.root / "Makefile", *generated.root.glob("*/*.mk")]
    targets = {name for path in files for name in TARGET.findall(path.read_text(encoding="utf-8"))}
    typed = re.findall(r"`make ([a-z -]+)", text) + re.findall(r"(?m)^make ([a-z-]+)", text)
    words = {word for line in typed for word in line.split()}
    assert words
    assert words <= targets
