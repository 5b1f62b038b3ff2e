"""The same inputs give the same bytes, whoever runs them and however often they are killed."""

import hashlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import yaml
from projects import (
    PIPELINE,
    STEPS,
    Running,
    ask,
    clone,
    git,
    group_lives,
    released_project,
    report_of,
    runs,
    shrunk_project,
    versions,
    wait_until,
)
from running import Project

pytestmark = pytest.mark.slow
EFFECTS = STEPS[len(PIPELINE) : -1]
# Moments of a kill, as shares of the time that the stage takes undisturbed.
MOMENTS = (0.05, 0.6)
OPEN_STORE = """
from lifecycle.records import tracking
from pathlib import Path
mlflow = tracking.connect(Path.cwd())
tracking.experiment(mlflow, Path.cwd(), "flight-delay")
"""


@pytest.fixture(scope="module")
def shrunk(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the shrunk project in which nothing has run."""
    return shrunk_project(generated, tmp_path_factory)


@pytest.fixture(scope="module")
def undisturbed(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a clone of it that nothing has disturbed on its way to version 1."""
    return released_project(generated, tmp_path_factory)


def digest(path: Path) -> str:
    """Return the hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def made(project: Project) -> dict[str, str]:
    """Return the hash of every file that the pipeline says it has made, and of its lock."""
    lock = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))
    outputs = {out["path"] for stage in lock["stages"].values() for out in stage["outs"]}
    paths = [project.root / name for name in outputs]
    files = [f for p in paths for f in ([p] if p.is_file() else p.rglob("*")) if f.is_file()]
    assert len(files) >= len(outputs)
    found = {str(path.relative_to(project.root)): digest(path) for path in files}
    return found | {"dvc.lock": digest(project.root / "dvc.lock")}


def test_two_clean_clones_give_the_same_bytes(
    shrunk: Project, undisturbed: Project, tmp_path: Path
) -> None:
    """Model, metrics, splits and lock are equal though no cache is shared."""
    other = clone(shrunk, tmp_path / "somewhere else", tmp_path / "other home")
    other.must("pipeline")
    expected = made(undisturbed)
    assert made(other) == expected
    assert {"models/model.ubj", "reports/metrics.json", "data/train.parquet"} < expected.keys()
    assert {"data/holdout.parquet", "reports/validation.json"} < expected.keys()


def check_recovered(project: Project, undisturbed: Project) -> None:
    """Assert that nothing tells the project from one that nobody has killed."""
    assert made(project) == made(undisturbed)
    assert versions(project) == [1]
    assert {status for _, status in runs(project)} <= {"FINISHED", "KILLED"}
    assert [status for _, status in runs(project)].count("FINISHED") == 1
    report = report_of(project)
    assert report["champion"]["model_md5"] == report_of(undisturbed)["champion"]["model_md5"]
    assert ask(project, "/v1/model")["version"] == "1"
    assert git(project, "status", "--porcelain") == ""
    assert "links hold" in project.must("lineage", "VERSION=1")
    assert ".part" not in git(project, "ls-files")
    outputs = [path for name in ("data/source", "models", "reports") for path in
               (project.root / name).rglob("*.part")]  # fmt: skip
    assert outputs == []


def new_clone(shrunk: Project, folder: Path) -> Project:
    """Return a clean clone for a user of its own."""
    return clone(shrunk, folder / "flight-delay", folder / "home")


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_every_stage_the_next_run_gives_the_same(
    moment: float, shrunk: Project, undisturbed: Project, tmp_path: Path
) -> None:
    """All is killed at each stage in turn; each time the next run takes it further."""
    seconds = {step["name"]: step["seconds"] for step in report_of(undisturbed)["steps"]}
    project = new_clone(shrunk, tmp_path)
    try:
        steps = (*PIPELINE, *EFFECTS)
        for stage, following in zip(steps, (*steps[1:], "nothing"), strict=True):
            running = Running(project, "lifecycle")
            running.wait_for(f"--- {stage}\n")
            # A stage may be quicker here than where nothing disturbed it.
            running.wait_at_most(moment * seconds[stage], f"--- {following}")
            running.kill()
        project.must("lifecycle")
        check_recovered(project, undisturbed)
    finally:
        project.must("stop")


@pytest.mark.parametrize("target", ["pipeline", "lifecycle"])
def test_what_a_killed_dvc_left_cut_off_is_made_again(
    target: str, undisturbed: Project, tmp_path: Path
) -> None:
    """DVC writes its list of files in use and dvc.lock in place; nothing is computed twice."""
    project = undisturbed.copy(tmp_path / "flight-delay")
    before, lock = made(project), project.root / "dvc.lock"
    cut, in_use = lock.read_bytes()[:3000].rstrip(), project.root / ".dvc" / "tmp" / "rwlock"
    try:
        for left in (b"", cut):
            lock.write_bytes(left)
            in_use.write_bytes(b"")
            printed = project.must(target)
            for name in ("dvc.lock", ".dvc/tmp/rwlock"):
                assert f"repro: {name} was cut off when DVC was killed" in printed
            assert made(project) == before
            for stage in PIPELINE:
                assert f"Stage '{stage}' " in printed or f"--- {stage}: nothing changed" in printed
                assert f"Running stage '{stage}'" not in printed
                assert f"--- {stage}\n" not in printed
    finally:
        project.must("stop")


def test_killed_while_the_tracking_store_is_made(shrunk: Project, tmp_path: Path) -> None:
    """MLflow makes sixty tables, one by one: a store with some of them is no dead end."""
    project = new_clone(shrunk, tmp_path)
    for delay in (0.0, 0.1, 0.3):
        running = Running(project, "lifecycle")
        wait_until(lambda: list(project.root.glob("mlflow.db*")), "no store was begun")
        time.sleep(delay)
        running.kill()
        opened = project.python("-c", OPEN_STORE)
        assert opened.returncode == 0, opened.stderr
        assert [path.name for path in project.root.glob("mlflow.db*")] == ["mlflow.db"]
        (project.root / "mlflow.db").unlink()


def test_killed_driver_leaves_nothing_that_stops_the_next_run(
    shrunk: Project, undisturbed: Project, tmp_path: Path
) -> None:
    """Only the driver dies: while what it started goes on, a new run says who is in its way."""
    project = new_clone(shrunk, tmp_path)
    running = Running(project, "lifecycle")
    running.wait_for("--- train\n")
    (driver,) = psutil.Process(running.process.pid).children()
    os.kill(driver.pid, signal.SIGKILL)
    running.process.wait()  # what it started goes on, and holds its output
    try:
        done = project.make("lifecycle")
        assert done.returncode == 0 or "is busy, it is being blocked by" in done.stderr
        wait_until(lambda: not group_lives(running.process.pid), "orphans are still there")
        project.must("lifecycle")
        check_recovered(project, undisturbed)
    finally:
        project.must("stop")
