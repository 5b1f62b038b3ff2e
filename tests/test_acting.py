"""The stand-ins do no more than what they replace; the harness tells failure from success."""

import re
from pathlib import Path

import pytest
from acting import TOKEN, GitHub, Outcome
from baking import clean_environment, commit_all, succeed
from running import Environment, Project

PINNED = {
    "checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1",
    "cache": "27d5ce7f107fe9357f9df03efb73ab90386fccae",
    "upload-artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
    "download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
}
WORKFLOW = """
name: Try
on: [push]
permissions: {}
jobs:
  first:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@PINNED checkout # v7.0.1
        with: {fetch-depth: 0}
      - run: git log --format=%s && git status --short --branch && ls -A
      - id: restore
        uses: actions/cache/restore@PINNED cache # v5.0.5
        with: {path: kept, key: "a-${{ github.sha }}", restore-keys: "a-"}
      - run: echo "hit ${{ steps.restore.outputs.cache-hit }}, $(cat kept/file || true)"
      - run: mkdir -p kept && git log -1 --format=%s > kept/file
      - uses: actions/cache/save@PINNED cache # v5.0.5
        with: {path: kept, key: "a-${{ github.sha }}"}
      - uses: actions/upload-artifact@PINNED upload-artifact # v7.0.0
        with: {name: made, path: kept}
      - run: echo "# It went well" >> "$GITHUB_STEP_SUMMARY"
      - run: |
          for body in one two; do
            printf '{"title": "%s", "labels": ["x"]}' $body |
              gh api repos/$GITHUB_REPOSITORY/issues --method POST --input - > /dev/null
          done
        env: {GH_TOKEN: "${{ github.token }}"}
  second:
    needs: first
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@PINNED download-artifact # v8.0.1
        with: {name: made, path: got}
      - run: cat got/file
      - run: gh api repos/$GITHUB_REPOSITORY/issues
  third:
    needs: second
    runs-on: ubuntu-latest
    steps:
      - run: echo never
"""


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    """Return a repository with two commits and one workflow."""
    variables = clean_environment(tmp_path / "home")
    root = tmp_path / "repository"
    (root / ".github/workflows").mkdir(parents=True)
    commit_all_in(root, variables, "first")
    text = re.sub(r"PINNED ([a-z-]+)", lambda found: PINNED[found[1]], WORKFLOW)
    (root / ".github/workflows/try.yml").write_text(text, encoding="utf-8")
    commit_all(root, variables, "second")
    (root / "untracked").touch()
    environment = Environment(tmp_path / "venv", tmp_path / "serving", variables)
    return GitHub(Project(root, environment), tmp_path / "github")


def commit_all_in(root: Path, variables: dict[str, str], subject: str) -> None:
    """Commit a folder with one file."""
    (root / "file").touch()
    commit_all(root, variables, subject)


def test_a_run_is_read_as_it_was(github: GitHub) -> None:
    outcome: Outcome = github.act("try.yml", "push")
    assert outcome.code == 1, outcome.log
    # The third needs the second: it has no record.
    assert outcome.jobs == {"first": "success", "second": "failure"}
    assert outcome.failing() == [("second", "gh api repos/$GITHUB_REPOSITORY/issues")]
    assert "set the GH_TOKEN environment variable" in outcome.printed["second"]
    assert outcome.summaries == {"first": "# It went well\n"}
    assert "second\nfirst\n" in outcome.printed["first"].replace("\r", "")
    assert "untracked" not in outcome.printed["first"]
    assert "hit false, \n" in outcome.printed["first"].replace("\r", "")
    assert github.artifacts() == {"made": ["file"]}
    assert [one["title"] for one in github.kept()["issues"]] == ["one", "two"]
    assert [call["arguments"][:2] for call in github.calls()] == [
        ["api", "repos/acme/flight-delay/issues"]
    ] * 3
    assert TOKEN not in outcome.log


def test_the_cache_outlives_a_run_and_artifacts_do_not(github: GitHub) -> None:
    github.act("try.yml", "push")
    again = github.act("try.yml", "push")
    assert again.failing()[0][0] == "first"
    assert "an artifact with the name made already exists" in again.printed["first"]
    github.forget_artifacts()
    third = github.act("try.yml", "push")
    assert "hit true, second" in third.printed["first"]
    root, variables = github.project.root, github.project.environment.variables
    commit_all_in(root, variables, "third")
    github.forget_artifacts()
    (root / "file").write_text("other", encoding="utf-8")
    commit_all(root, variables, "fourth")
    assert "hit false, second" in github.act("try.yml", "push").printed["first"]
    assert succeed("git", "status", "--short", folder=root, environment=variables) == ""


def test_an_action_without_a_stand_in_is_refused(github: GitHub) -> None:
    path = github.project.root / ".github/workflows/try.yml"
    text = path.read_text(encoding="utf-8").replace("actions/checkout@", "somebody/checkout@")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match="somebody/checkout, which has no stand-in"):
        github.act("try.yml", "push")
