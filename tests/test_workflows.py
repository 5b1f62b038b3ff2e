"""What act does not evaluate is asserted from the workflows as parsed, for every project alike."""

import itertools
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acting import workflow
from baking import EVERY_VALUE, PROJECT, ROOT, run
from running import Project

FOLDER = ROOT / PROJECT / ".github/workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
OWN = ROOT / ".github/workflows"
EVERY = [(ROOT / PROJECT, name) for name in NAMES] + [
    (ROOT, path.name) for path in sorted(OWN.glob("*.yml"))
]
PIN = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# Text that somebody outside the project wrote; it may not be part of a command.
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
CHECKERS = {
    "zizmor": ["zizmor", "--offline", "--no-progress", "--strict-collection", "--persona",
               "pedantic", ".github"],
    "actionlint": ["actionlint", "-no-color", "-oneline"],
    "jactionlint": ["jactionlint", "--no-online", "--oneline", "--profile", "correctness"],
    "schema": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
}  # fmt: skip


def jobs(root: Path, name: str) -> dict[str, dict[str, Any]]:
    """Return a workflow's jobs."""
    found: dict[str, dict[str, Any]] = workflow(root, name)["jobs"]
    return found


def steps(root: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield every step of a workflow."""
    for job in jobs(root, name).values():
        yield from job.get("steps", [])


@pytest.mark.parametrize(("root", "name"), EVERY, ids=lambda value: getattr(value, "name", value))
def test_rights_are_given_job_by_job(root: Path, name: str) -> None:
    assert workflow(root, name)["permissions"] == {}
    text = (root / ".github/workflows" / name).read_text(encoding="utf-8")
    assert "write-all" not in text
    assert "pull_request_target" not in text
    for key, job in jobs(root, name).items():
        assert "permissions" in job, key
        # A called workflow has its own limits.
        assert "uses" in job or 0 < job["timeout-minutes"] <= 120, key
    # Each right says why it is needed.
    for line in text.splitlines():
        if re.match(r"      [a-z-]+: (read|write)\b", line):
            assert " # " in line, line


@pytest.mark.parametrize(("root", "name"), EVERY, ids=lambda value: getattr(value, "name", value))
def test_actions_are_pinned_by_commit_with_their_version(root: Path, name: str) -> None:
    text = (root / ".github/workflows" / name).read_text(encoding="utf-8")
    assert unpinned(text) == []


def unpinned(text: str) -> list[str]:
    """Return what a workflow uses that is not pinned; workflows of the same commit are."""
    used = re.findall(r"(?m)^\s*(?:- )?uses:\s*(.+)$", text)
    return [one for one in used if not PIN.fullmatch(one) and not one.startswith("./")]


@pytest.mark.parametrize(
    "reference",
    ["actions/checkout@v7", "actions/checkout@main # v7.0.1", "actions/checkout@" + "a" * 40],
)
def test_anything_else_than_a_pin_is_refused(reference: str) -> None:
    assert unpinned(f"    - uses: {reference}\n") == [reference]


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_a_target_and_no_script(name: str) -> None:
    """A person can run what a step does: it is at most three lines, without an expression."""
    for step in steps(ROOT / PROJECT, name):
        command = step.get("run", "")
        assert len(command.strip().splitlines()) <= 3, step["name"]
        assert EXPRESSION.findall(command) == [], step["name"]
        assert "run" not in step or "name" in step, step


@pytest.mark.parametrize("name", NAMES)
def test_every_target_that_a_workflow_runs_is_there(name: str) -> None:
    parts = [ROOT / PROJECT / "Makefile", *sorted((ROOT / PROJECT).glob("*/*.mk"))]
    text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    there = set(re.findall(r"(?m)^([a-z-]+):", text))
    for step in steps(ROOT / PROJECT, name):
        for target in re.findall(r"(?m)^\s*make (?:-\S+ |-C \S+ )*([a-z]\S*)", step.get("run", "")):
            assert target in there, target


def test_ci_runs_for_what_it_says() -> None:
    ci = workflow(ROOT / PROJECT, "ci.yml")
    assert ci["on"] == {"push": {"branches": ["main"]}, "pull_request": None}
    # A newer commit ends the run of a pull request before it; those of main all count.
    by_commit = "${{ github.event_name == 'pull_request' && github.ref || github.sha }}"
    assert ci["concurrency"]["group"] == f"ci-{by_commit}"
    assert ci["concurrency"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


def test_code_of_a_pull_request_runs_with_no_secret_and_reads_alone() -> None:
    text = (FOLDER / "ci.yml").read_text(encoding="utf-8")
    assert "secrets." not in text
    for key, job in jobs(ROOT / PROJECT, "ci.yml").items():
        rights = set(job["permissions"].items())
        allowed = {("contents", "read")}
        if key == "comment":
            allowed.add(("pull-requests", "write"))
            assert "head.repo.full_name == github.repository" in job["if"]
        if key == "pipeline":
            # GitHub gives a fork's run no identity; then there is no remote to sign in to.
            allowed.add(("id-token", "write"))
            assert "head.repo.full_name == github.repository" in job["env"]["DVC_REMOTE_URL"]
        assert rights <= allowed, key
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
            assert key == "comment" or "GH_TOKEN" not in step.get("env", {})


def test_pass_waits_for_every_other_job() -> None:
    found = jobs(ROOT / PROJECT, "ci.yml")
    assert set(found["pass"]["needs"]) == set(found) - {"pass"}
    assert found["pass"]["if"] == "always()"


@pytest.mark.parametrize(
    ("results", "comment", "code"),
    [
        ("success success success", "success", 0),
        ("success success success", "skipped", 0),
        ("success success success", "failure", 0),
        ("success success success", "cancelled", 1),
        *(
            (" ".join(bad if place == one else "success" for place in range(3)), "success", 1)
            for one, bad in itertools.product(range(3), ("failure", "cancelled", "skipped"))
        ),
    ],
)
def test_pass_is_red_unless_all_passed(results: str, comment: str, code: int) -> None:
    (step,) = jobs(ROOT / PROJECT, "ci.yml")["pass"]["steps"]
    # As GitHub runs it where no shell is named.
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env={"RESULTS": results, "COMMENT": comment},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == code


def test_training_has_its_schedule_and_is_never_cancelled() -> None:
    train = workflow(ROOT / PROJECT, "train.yml")
    assert train["on"]["schedule"] == [{"cron": "41 3 2 * *"}]
    assert set(train["on"]) == {"schedule", "workflow_dispatch", "workflow_call"}
    assert train["on"]["workflow_call"]["secrets"]["LIFECYCLE_TOKEN"]["required"] is False
    assert train["concurrency"] == {"group": "train", "cancel-in-progress": False}
    assert train["jobs"]["train"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert train["jobs"]["propose"]["permissions"] == {
        "contents": "write", "pull-requests": "write", "issues": "write",
    }  # fmt: skip


@pytest.fixture(scope="module")
def distinct(bake: Callable[..., Path]) -> list[Path]:
    """Return a project for each value of each prompt."""
    return [bake(**{name: value}) for name, value in EVERY_VALUE]


def check(root: Path, checker: str, tools: Path) -> subprocess.CompletedProcess[str]:
    """Run a checker over a folder's workflows."""
    files = [path.relative_to(root) for path in sorted((root / ".github/workflows").glob("*.yml"))]
    named = [] if checker == "zizmor" else files
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(root)}
    program, *options = CHECKERS[checker]
    return run(tools / program, *options, *named, folder=root, environment=environment)


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_workflows_of_every_answer_are_clean(checker: str, distinct: list[Path]) -> None:
    tools = ROOT / ".venv/bin"
    seen: dict[tuple[str, ...], Path] = {}
    for project in distinct:
        # What is the same to the byte need not be checked again.
        files = sorted((project / ".github").rglob("*.*"))
        seen.setdefault(tuple(path.read_text(encoding="utf-8") for path in files), project)
    for project in seen.values():
        done = check(project, checker, tools)
        assert done.returncode == 0, done.stdout + done.stderr


FAULTS = {
    "zizmor": ("        run: make check", "        run: echo ${{ github.head_ref }}"),
    "actionlint": ("    needs: pipeline", "    needs: pipelines"),
    "jactionlint": ("          fetch-depth: 0", "          fetch-depths: 0"),
    "schema": ("    runs-on: ubuntu-latest", "    runs-onn: ubuntu-latest"),
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_checker_would_see_a_fault(
    checker: str, bake: Callable[..., Path], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(bake(), tmp_path / "project"))
    path = project / ".github/workflows/ci.yml"
    text = path.read_text(encoding="utf-8")
    old, new = FAULTS[checker]
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = check(project, checker, ROOT / ".venv/bin")
    assert done.returncode != 0
    assert "ci.yml" in done.stdout + done.stderr


@pytest.mark.slow
def test_make_check_of_a_project_looks_at_its_workflows(fresh: Project) -> None:
    fresh.change(".github/workflows/ci.yml", "    needs: pipeline\n", "    needs: pipelines\n")
    done = fresh.make("workflows")
    assert done.returncode != 0
    assert "pipelines" in done.stdout
