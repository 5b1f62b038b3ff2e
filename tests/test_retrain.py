"""The window moves and the new model passes the same gate and rollout, or nothing moves."""

from pathlib import Path

import pytest
import yaml
from breaking import Unchanged, commit, edit, git, read_json, stopped, unreachable_remote
from projects import Running, ask, released_project, versions
from running import Project, free_port, use_port

pytestmark = pytest.mark.slow


@pytest.fixture
def live(released: Project, tmp_path: Path) -> Project:
    """Return a project whose version 1 is deployed, with quick steps; stopped by the test."""
    project = released.copy(tmp_path / "flight-delay")
    use_port(project.root, free_port())
    edit(project, "params.yaml", (("    development: 2\n", "    development: 0.5\n"),))
    commit(project)
    return project


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the shrunk project with version 1 as champion; its service is stopped."""
    return released_project(generated, tmp_path_factory)


def window(project: Project) -> dict[str, str]:
    """Return the months that params.yaml names."""
    text = (project.root / "params.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = yaml.safe_load(text)["data"]["window"]
    return found


def test_a_newer_window_is_released_and_rolled_out(live: Project) -> None:
    """The gate compares on days that neither model has seen; the commit says what moved."""
    before = (live.root / "params.yaml").read_text(encoding="utf-8")
    try:
        live.must("deploy")
        printed = live.must("retrain", "END=2013-04")
        assert "retrain: the window is 2013-02 to 2013-04" in printed
        assert ask(live, "/v1/model")["version"] == "2"
    finally:
        live.must("stop")
    assert versions(live) == [1, 2]
    assert window(live) == {"start": "2013-02", "end": "2013-04"}
    after = (live.root / "params.yaml").read_text(encoding="utf-8")
    assert after == before.replace('end: "2013-03"', 'end: "2013-04"')
    assert git(live, "log", "-1", "--format=%s") == "Move the data window to 2013-02 to 2013-04"
    assert git(live, "status", "--porcelain") == ""
    rules = {one["rule"]: one for one in read_json(live, "reports/gate.json")["rules"]}
    assert rules["holdout unseen by the champion"]["verdict"] == "pass"
    stopped(live.make("retrain", "END=2013-03"), "retrain", "ends with 2013-04 already")


def test_what_the_gate_refuses_leaves_everything_as_it_was(
    live: Project, unchanged: Unchanged
) -> None:
    """Parameters, lock, data and model are back, and the reason is one line."""
    live.change("params.yaml", "roc_auc: {minimum: 0.55,", "roc_auc: {minimum: 0.89,")
    commit(live)
    names = ("params.yaml", "dvc.lock", "models/model.ubj", "data/holdout.parquet")
    kept = {name: (live.root / name).read_bytes() for name in names}
    with unchanged(live):
        stopped(live.make("retrain", "END=2013-04"), "retrain", "failed: roc_auc")
    assert {name: (live.root / name).read_bytes() for name in kept} == kept
    assert git(live, "status", "--porcelain") == ""


def test_a_killed_retrain_is_undone_and_repeated(live: Project) -> None:
    """What it left is not taken for somebody's work; somebody's work is not touched."""
    retraining = Running(live, "retrain", "END=2013-04")
    retraining.wait_for("Running stage 'train'")
    retraining.kill()
    assert window(live)["end"] == "2013-04"
    (live.root / "notes.txt").write_text("mine", encoding="utf-8")
    stopped(live.make("retrain", "END=2013-04"), "retrain", "not committed")
    assert window(live)["end"] == "2013-04"
    (live.root / "notes.txt").unlink()
    try:
        assert "interrupted: it is undone" in live.must("retrain", "END=2013-04")
    finally:
        live.must("stop")
    assert versions(live) == [1, 2]
    assert window(live)["end"] == "2013-04"


def test_what_fails_after_the_gate_goes_on_when_it_is_typed_again(live: Project) -> None:
    """The gate has spoken and the commit is made: nothing of it is done twice."""
    unreachable_remote(live)
    stopped(live.make("retrain", "END=2013-04"), "retrain", "dvc push failed")
    assert (versions(live), window(live)["end"]) == ([1], "2013-04")
    assert git(live, "status", "--porcelain") == ""
    moved = git(live, "rev-parse", "HEAD")
    (live.root / ".dvc/config.local").unlink()
    try:
        assert "retrain: the window is 2013-02 to 2013-04" in live.must("retrain", "END=2013-04")
    finally:
        live.must("stop")
    assert versions(live) == [1, 2]
    assert git(live, "rev-parse", "HEAD") == moved


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("May", "May is no month: give END=YYYY-MM"),
        ("2013-13", "2013-13 is no month: give END=YYYY-MM"),
        ("2014-01", "the source has no labels in 2014-01: its newest are of 2013-12"),
        ("2013-02", "the window ends with 2013-03 already: give a later END=YYYY-MM"),
    ],
)
def test_a_month_that_cannot_be_is_refused(
    end: str, said: str, released: Project, unchanged: Unchanged
) -> None:
    """One line says what to type."""
    with unchanged(released):
        stopped(released.make("retrain", f"END={end}"), "retrain", said)
