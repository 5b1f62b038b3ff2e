"""monitor.yml and upstream.yml, every job executed by act.

The host that monitor.yml asks is played here by a folder whose Makefile writes a verdict: how the
verdict itself is found is tested where `make monitor` is.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from acting import GitHub, Outcome
from breaking import commit, edit, git
from projects import clone, shrunk_project
from running import Project

pytestmark = pytest.mark.slow
HOST = ("-P", "target=-self-hosted")
REPORT = {
    "verdict": "firing", "reason": "drift: temperature", "judged_at": "2013-06-08T00:00:00+00:00",
    "environment": "production", "version": 3, "sentences": ["two windows were judged"],
    "alerts": [{"kind": "drift", "subject": "temperature", "message": "temperature is off",
                "see": "docs/operations.md#drift"}],
}  # fmt: skip
MAKEFILE = """
monitor:
	mkdir -p reports && cp report.json reports/monitor.json && echo page > reports/monitor.html
	cp verdict $(VERDICT)
"""


@pytest.fixture
def github(generated: Project, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """Return a repository in which nothing has run."""
    project = clone(shrunk_project(generated, tmp_path_factory), tmp_path / "flight-delay")
    return GitHub(project, tmp_path / "github")


def watch(github: GitHub, verdict: str, *arguments: str) -> Outcome:
    """Run the monitor on a host with a verdict."""
    folder = github.state.parent / "host"
    folder.mkdir(exist_ok=True)
    (folder / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    (folder / "verdict").write_text(f"{verdict}\n", encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(REPORT), encoding="utf-8")
    github.forget_artifacts()
    variables = {"PRODUCTION_RUNNER": "target", "DEPLOY_FOLDER": str(folder)}
    return github.act("monitor.yml", "schedule", *HOST, *arguments, variables=variables)


def issues(github: GitHub) -> list[dict[str, Any]]:
    """Return the issues that are open."""
    return [one for one in github.kept()["issues"] if one["state"] == "open"]


def test_where_nothing_is_deployed_nothing_is_watched(github: GitHub) -> None:
    outcome = github.act("monitor.yml", "schedule")
    assert outcome.code == 0, outcome.log[-3000:]
    assert outcome.jobs == {"watch": "success"}
    assert "no runner is named for production" in outcome.summaries["watch"]
    assert github.calls() == []


def test_a_healthy_service_leaves_no_issue(github: GitHub) -> None:
    outcome = watch(github, "healthy")
    assert outcome.code == 0, outcome.log[-3000:]
    assert outcome.jobs == {"watch": "success"}
    assert github.artifacts() == {"monitor": ["monitor.html", "monitor.json"]}
    assert github.calls() == []


def test_what_cannot_be_judged_is_red(github: GitHub) -> None:
    outcome = watch(github, "could not judge")
    assert outcome.code == 1
    assert outcome.jobs == {"watch": "failure"}
    assert outcome.failing() == [("watch", "Fail where nothing could be judged")]
    assert github.calls() == []


def test_firing_opens_one_issue_however_often_and_trains(github: GitHub) -> None:
    # The shrunk model is off by more on December than the gate of a real one lets through.
    edit(github.project, "params.yaml", (("error: {maximum: 0.10}", "error: {maximum: 0.20}"),))
    commit(github.project)
    outcome = watch(github, "firing")
    assert outcome.code == 0, outcome.log[-5000:]
    ran = ("watch", "issue", "Retrain / Train", "Retrain / Propose")
    assert outcome.jobs == dict.fromkeys(ran, "success")
    again = watch(github, "firing", "-j", "issue")
    assert again.code == 0
    (one,) = [one for one in issues(github) if one["labels"] == [{"name": "monitor"}]]
    assert one["title"] == "Monitor fires: production, version 3"
    assert "- **drift**: `temperature is off`" in one["body"]
    assert "/blob/HEAD/docs/operations.md#drift)" in one["body"]
    assert "/actions/runs/" in one["body"]


def test_newest_versions_that_break_open_one_issue(github: GitHub) -> None:
    project = github.project
    before = (project.root / "requirements/serving.in").read_text(encoding="utf-8")
    project.change("requirements/serving.in", "orjson>=3.10", "orjson>=999")
    commit(project)
    for _ in range(2):
        github.forget_artifacts()
        outcome = github.act("upstream.yml", "schedule")
        assert outcome.code == 1
        assert outcome.jobs == {"newest": "failure", "issue": "success"}, outcome.log[-3000:]
    (one,) = issues(github)
    assert one["labels"] == [{"name": "upstream"}]
    assert one["title"] == "Newest versions break the project"
    assert "`make lock` fails with the newest versions" in one["body"]
    assert "orjson" in one["body"]
    assert git(project, "status", "--porcelain") == ""
    assert before != (project.root / "requirements/serving.in").read_text(encoding="utf-8")
