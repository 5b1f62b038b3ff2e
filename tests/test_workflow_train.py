"""train.yml, executed by act: the window moves, and one pull request (or one issue) comes of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acting import GitHub, Outcome
from breaking import BETTER, commit, edit, git
from projects import clone, shrunk_project
from running import Project

pytestmark = pytest.mark.slow
OWN = {"LIFECYCLE_TOKEN": "a-token-that-starts-workflows-0123456789"}
PAYLOAD = {
    "ref": "refs/heads/main",
    "repository": {"full_name": "acme/flight-delay", "default_branch": "main"},
}


@pytest.fixture(scope="module")
def github(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """Return a repository whose main branch has a model of February and March."""
    folder = tmp_path_factory.mktemp("train")
    project = clone(shrunk_project(generated, tmp_path_factory), folder / "flight-delay")
    edit(project, "params.yaml", BETTER)
    project.must("pipeline")
    commit(project)
    return GitHub(project, folder / "github")


def train(github: GitHub, end: str, **secrets: str) -> Outcome:
    """Run the workflow by hand, up to a month."""
    github.forget_artifacts()
    inputs = {**PAYLOAD, "inputs": {"end": end}}
    return github.act("train.yml", "workflow_dispatch", payload=inputs, secrets=secrets)


@dataclass(frozen=True)
class Proposed:
    """Two runs, the commit of the branch after each, and what GitHub was asked and then kept."""

    outcomes: tuple[Outcome, Outcome]
    heads: tuple[str, str]
    calls: list[dict[str, Any]]
    issues: list[dict[str, Any]]


@pytest.fixture(scope="module")
def proposed(github: GitHub) -> Proposed:
    """Run it twice with a token."""
    first = train(github, "2013-04", **OWN)
    assert first.code == 0, first.log[-5000:]
    head = branch_head(github)
    second = train(github, "2013-04", **OWN)
    heads = (head, branch_head(github))
    return Proposed((first, second), heads, github.calls(), github.kept()["issues"])


def branch_head(github: GitHub) -> str:
    """Return the commit of the branch that is proposed."""
    return git(github.project, "rev-parse", "--verify", "refs/heads/retrain")


def test_a_retrain_opens_exactly_one_pull_request_though_it_runs_twice(
    github: GitHub, proposed: Proposed
) -> None:
    first, second = proposed.outcomes
    for outcome in (first, second):
        assert outcome.code == 0, outcome.log[-5000:]
        assert outcome.jobs == {"train": "success", "propose": "success"}
    assert "Running stage 'train'" in first.printed["train"]
    assert "Running stage 'train'" not in second.printed["train"]
    (pull,) = proposed.issues
    assert pull["head"]["ref"] == "retrain"
    assert pull["base"]["ref"] == "main"
    assert pull["title"] == "Retrain on 2013-02 to 2013-04"
    assert pull["body"].startswith("## ✅ Good: roc_auc +0.")
    assert "| `data.window.end` | `2013-03` | `2013-04` |" in pull["body"]
    writes = [call["arguments"][3] for call in proposed.calls if call["input"]]
    assert writes == ["POST", "PATCH"]
    # The same bytes on the same commit: the second run pushed nothing.
    assert proposed.heads[0] == proposed.heads[1] == branch_head(github)
    changed = git(github.project, "diff", "--name-only", "main", "retrain").split()
    assert changed == ["dvc.lock", "params.yaml"]
    assert git(github.project, "rev-parse", "retrain~1") == git(github.project, "rev-parse", "main")


def test_without_a_token_that_starts_workflows_it_opens_one_issue(
    github: GitHub, proposed: Proposed
) -> None:
    other = GitHub(github.project, github.state)
    for _ in range(2):
        outcome = train(other, "2013-04")
        assert outcome.jobs == {"train": "success", "propose": "success"}, outcome.log[-5000:]
    issues = [one for one in other.kept()["issues"] if "head" not in one]
    assert len(issues) == 1
    assert issues[0]["labels"] == [{"name": "retrain"}]
    assert "No token that can start workflows is configured" in issues[0]["body"]
    assert "## ✅ Good" in issues[0]["body"]
    assert len(other.kept()["issues"]) == 2


def test_what_the_gate_refuses_is_not_proposed(github: GitHub, proposed: Proposed) -> None:
    project = github.project
    project.change("params.yaml", "slices: {metric: roc_auc, minimum: 0.45}",
                   "slices: {metric: roc_auc, minimum: 0.89}")  # fmt: skip
    commit(project)
    before, head = len(github.calls()), branch_head(github)
    outcome = train(github, "2013-04", **OWN)
    git(project, "reset", "-q", "--hard", "HEAD~1")
    assert outcome.code == 1
    assert outcome.jobs == {"train": "failure"}
    assert outcome.failing() == [("train", "Retrain")]
    assert "retrain: gate: failed: slices of" in outcome.printed["train"]
    assert "the retrain stopped, everything is as before" in outcome.summaries["train"]
    assert len(github.calls()) == before
    assert branch_head(github) == head


def test_a_month_that_is_none_is_refused(github: GitHub, proposed: Proposed) -> None:
    marker = github.state / "injected"
    outcome = train(github, f'2013-04"; touch {marker}; "', **OWN)
    assert outcome.failing() == [("train", "Retrain")]
    assert "is no month: give END=YYYY-MM" in outcome.printed["train"]
    assert not marker.exists()


def test_a_window_that_is_complete_proposes_nothing(github: GitHub, proposed: Proposed) -> None:
    project = github.project
    git(project, "checkout", "-q", "-B", "merged", "retrain")
    before = len(github.calls())
    outcome = train(github, "2013-04", **OWN)
    git(project, "checkout", "-q", "--force", "main")
    assert outcome.jobs == {"train": "success"}, outcome.log[-5000:]
    assert "nothing new" in outcome.printed["train"]
    assert len(github.calls()) == before
    assert json.loads(Path(github.state / "event.json").read_text(encoding="utf-8"))["inputs"]
