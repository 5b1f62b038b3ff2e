"""Every job of ci.yml, executed by act on a repository that is committed as a user would.

What act does not evaluate is asserted from the parsed file in test_workflows.py.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from acting import GitHub, Outcome, pull_request, push
from breaking import BETTER, FLIGHTS, commit, edit, flights, git
from projects import clone, shrunk_project
from running import Project

pytestmark = pytest.mark.slow
# The project's own tests are run whole by test_project_tests.py: here, that the job runs them.
FEW_TESTS = {"TESTS": "tests/machinery/contract/test_files.py"}
NO_COMMIT = "0" * 40
# What a rollout that ends well does.
MAKE_CHAMPION = """
from pathlib import Path
from lifecycle.records import registry
from lifecycle.core.params import load_params
registry.connect(Path.cwd(), load_params()).set_alias("champion", 1)
"""
FETCH = ("pipeline", "Fetch from the DVC remote")
RESTORE = ("pipeline", "Restore DVC's cache")


@pytest.fixture(scope="module")
def github(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    """Return a repository whose main branch has a model; no run leaves anything behind."""
    folder = tmp_path_factory.mktemp("ci")
    project = clone(shrunk_project(generated, tmp_path_factory), folder / "flight-delay")
    found = GitHub(project, folder / "github")
    yield found
    assert [path for path in (found.state / "out").iterdir() if path.is_dir()] == []
    assert not (Path(os.environ.get("TMPDIR", "/tmp")) / "act").exists()  # noqa: S108


@pytest.fixture(scope="module")
def first_push(github: GitHub) -> Outcome:
    """Run the workflow for the first push, from an empty cache; then commit the lock, as a user."""
    outcome = github.act("ci.yml", "push", payload=push(NO_COMMIT), environment=FEW_TESTS)
    project = github.project
    project.must("pipeline")
    commit(project)
    return outcome


def branch(github: GitHub, name: str) -> Project:
    """Check out a new branch of main, for a pull request of its own."""
    git(github.project, "checkout", "-q", "--force", "main")
    git(github.project, "checkout", "-q", "-B", name)
    github.forget_artifacts()
    github.forget_caches_of_pull_requests()
    return github.project


def pull(
    github: GitHub, *arguments: str, fork: bool = False, variables: dict[str, str] | None = None
) -> Outcome:
    """Commit what was changed, and run ci.yml for the pull request into main.

    The base that the event names is older than main: GitHub merges into main as it is, HEAD^1.
    """
    commit(github.project)
    first = git(github.project, "rev-list", "--max-parents=0", "main").strip()
    payload = pull_request(first, git(github.project, "rev-parse", "HEAD"), fork)
    return github.act(
        "ci.yml", "pull_request", *arguments,
        payload=payload, variables=variables, environment=FEW_TESTS,
    )  # fmt: skip


def headline(outcome: Outcome) -> str:
    """Return the first line of the summary."""
    return outcome.summaries["pipeline"].splitlines()[0]


def test_the_first_push_makes_the_first_model(first_push: Outcome) -> None:
    assert first_push.code == 0, first_push.log[-5000:]
    # A push has no pull request to comment on: that job has no record.
    assert first_push.jobs == {
        "check": "success", "test": "success", "pipeline": "success", "pass": "success",
    }  # fmt: skip
    assert headline(first_push) == "## ✅ Good"
    summary = first_push.summaries["pipeline"]
    assert "No comparison: there is nothing to compare with: this is the first model." in summary
    assert "Recomputed: ingest, validate, prepare, train, evaluate." in summary
    made = set(first_push.artifacts["report"])
    assert {"compare.md", "compare.json", "gate.json", "pipeline.txt"} <= made
    assert first_push.calls == []


def test_a_change_of_nothing_that_matters_does_not_retrain(
    github: GitHub, first_push: Outcome
) -> None:
    project = branch(github, "readme")
    (project.root / "README.md").write_text("# Shorter\n", encoding="utf-8")
    before = github.kept()
    with github.may_only_read():
        outcome = pull(github)
    # A comment that cannot be written makes the change none the worse.
    assert outcome.failing() == [("comment", "Comment")], outcome.log[-5000:]
    assert outcome.jobs == {
        "check": "success", "test": "success", "pipeline": "success",
        "comment": "failure", "pass": "success",
    }  # fmt: skip
    assert "the comment could not be written" in outcome.log
    assert github.kept()["comments"] == before["comments"]
    printed = outcome.printed["pipeline"]
    assert "Running stage" not in printed
    for stage in ("ingest", "validate", "prepare", "train", "evaluate"):
        assert f"Stage '{stage}' is cached - skipping run, checking out outputs" in printed
    assert headline(outcome) == "## ⚪ No change: the model is the same"
    assert "Recomputed: nothing." in outcome.summaries["pipeline"]
    assert outcome.seconds["pipeline"] < first_push.seconds["pipeline"]


def test_a_changed_parameter_retrains_and_is_reported_once(
    github: GitHub, first_push: Outcome
) -> None:
    project, earlier = branch(github, "better"), len(github.calls())
    github.forget_comments()
    edit(project, "params.yaml", BETTER)
    outcome = pull(github)
    assert outcome.code == 0, outcome.log[-5000:]
    assert outcome.jobs == {
        "check": "success", "test": "success", "pipeline": "success",
        "comment": "success", "pass": "success",
    }  # fmt: skip
    printed = outcome.printed["pipeline"]
    assert "Running stage 'train'" in printed
    assert "Running stage 'ingest'" not in printed
    report = outcome.summaries["pipeline"]
    assert headline(outcome).startswith("## ✅ Good: roc_auc +0.")
    assert "(better)" in headline(outcome)
    line = next(row for row in report.splitlines() if row.startswith("| roc_auc | 0.6"))
    base, change, difference, word, interval = [c.strip() for c in line.split("|")][2:7]
    gain = float(difference.strip("*"))
    low, high = (float(end) for end in interval.split(" to "))
    assert float(change) - float(base) == pytest.approx(gain, abs=2e-4)
    assert 0 < low < gain < high
    assert word == "better"
    assert "| `train.maximum_trees` | `10` | `60` |" in report
    assert "Recomputed: train, evaluate." in report
    # Nobody has run the pipeline before committing.
    assert "`dvc.lock` of this commit is not what the pipeline made" in report
    assert "compare/slices.svg" in github.artifacts()["report"]
    (written,) = github.kept()["comments"]
    assert written["issue"] == 7
    assert written["body"].strip() == report.strip()
    # Again, as after another push to the same branch: the cache has it all, the comment is updated.
    github.forget_artifacts()
    (project.root / "README.md").write_text("# Another\n", encoding="utf-8")
    again = pull(github, "-j", "comment")
    assert again.jobs == {"pipeline": "success", "comment": "success"}, again.log[-5000:]
    assert "Stage 'train' is cached" in again.printed["pipeline"]
    (updated,) = github.kept()["comments"]
    assert updated["id"] == written["id"]
    assert updated["body"] != written["body"]
    calls = github.calls()[earlier:]
    assert [call["arguments"][3] for call in calls if call["input"]] == ["POST", "PATCH"]


def test_lint_unit_test_and_a_worse_model_are_each_red(github: GitHub, first_push: Outcome) -> None:
    project = branch(github, "broken")
    project.change("params.yaml", "  maximum_trees: 10", "  maximum_trees: 2")
    (project.root / "src/lifecycle/unused.py").write_text('"""Nothing."""\n\nimport os\n')
    (project.root / "tests/machinery/contract/test_files.py").write_text(
        "def test_files_that_fail() -> None:\n    assert 1 + 1 == 3\n", encoding="utf-8"
    )
    outcome = pull(github)
    assert outcome.code == 1
    assert outcome.jobs == {
        "check": "failure", "test": "failure", "pipeline": "failure",
        "comment": "success", "pass": "failure",
    }  # fmt: skip
    assert sorted(outcome.failing()) == [
        ("check", "Check"), ("pass", "Fail unless every job passed"),
        ("pipeline", "Judge"), ("test", "Test"),
    ]  # fmt: skip
    assert "F401" in outcome.printed["check"]
    assert "unused.py" in outcome.printed["check"]
    assert "assert (1 + 1) == 3" in outcome.printed["test"]
    assert headline(outcome).startswith("## ❌ Refused by the gate: roc_auc -0.")
    assert "(worse)" in headline(outcome)
    assert "| against the model of base" in outcome.summaries["pipeline"].partition("<details>")[0]
    assert "nothing is released" in outcome.printed["pipeline"]
    assert github.kept()["comments"][0]["body"].startswith("## ❌ Refused")


def test_a_slice_below_its_floor_is_red(github: GitHub, first_push: Outcome) -> None:
    project = branch(github, "floor")
    project.change("params.yaml", "slices: {metric: roc_auc, minimum: 0.45}",
                   "slices: {metric: roc_auc, minimum: 0.64}")  # fmt: skip
    edit(project, "params.yaml", BETTER)
    outcome = pull(github, "-j", "pipeline")
    assert outcome.failing() == [("pipeline", "Judge")]
    assert "gate: failed: slices of weekday" in outcome.printed["pipeline"]
    assert "worst of 7" in outcome.summaries["pipeline"].partition("<details>")[0]


def test_a_gate_that_raises_is_red(github: GitHub, first_push: Outcome) -> None:
    project = branch(github, "crash")
    edit(project, "params.yaml", BETTER)
    project.change("src/lifecycle/release/judge.py", "    taken = []\n",
                   '    taken = []\n    raise RuntimeError("no clock here")\n')  # fmt: skip
    outcome = pull(github, "-j", "pipeline")
    assert outcome.failing() == [("pipeline", "Judge")]
    assert "the gate raised RuntimeError: no clock here" in outcome.printed["pipeline"]
    assert headline(outcome).startswith("## ❌ Refused by the gate")
    assert "the gate raised RuntimeError: no clock here" in outcome.summaries["pipeline"]


def test_data_that_breaks_an_expectation_stop_the_pipeline(
    github: GitHub, first_push: Outcome
) -> None:
    project = branch(github, "data")
    with flights(project) as columns:
        columns["origin"] = ["" for _ in columns["origin"]]
    git(project, "add", "--force", FLIGHTS, "data/source")
    outcome = pull(github, "-j", "pipeline")
    git(project, "checkout", "-q", "--force", "main")
    project.must("source")
    assert outcome.failing() == [("pipeline", "Run the pipeline")], outcome.log[-5000:]
    assert headline(outcome) == "## ❌ Stopped: there is no model to judge"
    assert "the pipeline stopped at validate" in outcome.summaries["pipeline"]
    assert "expectations do not hold" in outcome.summaries["pipeline"]
    assert "`origin`" in outcome.summaries["pipeline"]


def test_a_fork_reads_no_secret_and_writes_no_comment(github: GitHub, first_push: Outcome) -> None:
    project = branch(github, "fork")
    (project.root / "tests/machinery/contract/test_files.py").write_text(
        "import os\n\n\ndef test_files_of_others() -> None:\n"
        '    assert os.environ.get("LIFECYCLE_TOKEN") or os.environ.get("GH_TOKEN")\n',
        encoding="utf-8",
    )
    before = github.calls()
    # GitHub gives a fork's run no secret: none is passed here either.
    outcome = pull(github, fork=True, variables={"DVC_REMOTE_URL": "s3://of-the-company"})
    assert outcome.jobs == {
        "check": "success", "test": "failure", "pipeline": "success", "pass": "failure",
    }  # fmt: skip
    assert "os.environ.get" in outcome.printed["test"]
    assert "AssertionError" in outcome.printed["test"]
    assert headline(outcome).startswith("## ⚪ No change")
    assert "report" in github.artifacts()
    assert github.calls() == before
    assert outcome.steps.get(FETCH, "skipped") == "skipped"
    assert outcome.steps[RESTORE] == "success"


def test_a_shared_remote_and_registry_are_used_instead_of_github_s(
    github: GitHub, first_push: Outcome
) -> None:
    """Set as variables of the repository; the champion is the registry's."""
    project = branch(github, "shared")
    remote, registry = github.state.parent / "remote", github.state.parent / "registry.db"
    shared = {"DVC_REMOTE_URL": str(remote), "MLFLOW_TRACKING_URI": f"sqlite:///{registry}"}
    project.must("gate", **shared)
    for command in (("-m", "lifecycle", "register"), ("-c", MAKE_CHAMPION)):
        done = project.python(*command, **shared)
        assert done.returncode == 0, done.stderr
    project.must("fetch", **shared)  # which names the remote to DVC
    assert project.python("-m", "dvc", "push").returncode == 0
    variables = {**project.environment.variables, "HOME": str(github.state.parent / "colleague")}
    elsewhere = replace(project, environment=replace(project.environment, variables=variables))
    project.change("params.yaml", "learning_rate: 0.1", "learning_rate: 0.09")
    empty = GitHub(elsewhere, github.state.parent / "colleagues")
    outcome = pull(empty, "-j", "pipeline", variables=shared)
    assert outcome.steps[FETCH] == "success"
    assert outcome.steps.get(RESTORE, "skipped") == "skipped"
    printed = outcome.printed["pipeline"]
    assert "cloud: no cloud is configured" in printed
    for stage in ("ingest", "validate", "prepare"):
        assert f"Stage '{stage}' is cached" in printed
    assert "champion version 1" in outcome.summaries["pipeline"]


def test_main_leaves_a_fork_its_models_though_there_is_a_remote(
    github: GitHub, first_push: Outcome
) -> None:
    """What is in the remote a fork's run cannot read: GitHub's cache is all it has."""
    branch(github, "main")
    remote = {"DVC_REMOTE_URL": str(github.state.parent / "companys")}
    kept = ("pipeline", "Keep DVC's cache")
    payload = push(git(github.project, "rev-parse", "HEAD^").strip())
    pushed = github.act("ci.yml", "push", "-j", "pipeline", payload=payload, variables=remote)
    assert pushed.jobs == {"pipeline": "success"}, pushed.log[-3000:]
    assert pushed.steps[kept] == "success"


def test_a_base_that_is_no_commit_is_said_so(github: GitHub, first_push: Outcome) -> None:
    branch(github, "lost")
    outcome = github.act("ci.yml", "push", "-j", "pipeline", payload=push("1" * 40))
    assert outcome.failing()[0] == ("pipeline", "Have the model of the base")
    assert f"BASE={'1' * 40} is no commit of this clone" in outcome.printed["pipeline"]


def test_a_base_that_no_cache_has_is_made_again(github: GitHub, first_push: Outcome) -> None:
    project = branch(github, "evicted")
    # What GitHub evicts after a week without use, and a laptop that is gone.
    # The default remote is a folder below HOME, so HOME is another as well.
    variables = {**project.environment.variables, "HOME": str(github.state.parent / "nobody")}
    elsewhere = replace(project, environment=replace(project.environment, variables=variables))
    empty = GitHub(elsewhere, github.state.parent / "another")
    payload = pull_request(git(project, "rev-parse", "main"), git(project, "rev-parse", "HEAD"))
    edit(project, "params.yaml", BETTER)
    commit(project)
    outcome = empty.act("ci.yml", "pull_request", "-j", "pipeline", payload=payload)
    assert outcome.jobs == {"pipeline": "success"}, outcome.log[-5000:]
    assert "was made again, the same bytes" in outcome.printed["pipeline"]
    assert headline(outcome).startswith("## ✅ Good: roc_auc +0.")
